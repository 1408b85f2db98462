/** The DHCPv6 client among packets that are not meant well. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Client } from "./client-fixture.ts";
import { encodeMessage, type MessageType } from "./message.ts";
import { option } from "./options.ts";
import {
  type Answered,
  answerTo,
  claimFrame,
  orderOf,
  routerFrame,
  serverFrame,
  usualAddress,
} from "./server-fixture.ts";

describe("packets that are no answer to this client", () => {
  const strange: [string, (client: Client) => Uint8Array][] = [
    [
      "of another transaction",
      ({ message }) => answerTo(message, "ADVERTISE", { transactionId: 1 }),
    ],
    ["that is a question", ({ message }) => answerTo(message, "SOLICIT")],
    [
      "for another client",
      ({ message }) => {
        const other = new Client(orderOf({}, { clientId: "99" })).message;
        return answerTo({ ...other, transactionId: message.transactionId }, "ADVERTISE");
      },
    ],
    [
      "without a server",
      ({ message: { transactionId, options } }) =>
        serverFrame(encodeMessage({ type: "ADVERTISE", transactionId, options })),
    ],
    [
      "of a server whose name is too long",
      ({ message: { transactionId, options } }) => {
        const long = option("serverId", new Uint8Array(131));
        return serverFrame(
          encodeMessage({ type: "ADVERTISE", transactionId, options: [...options, long] }),
        );
      },
    ],
  ];
  for (const [name, frameFor] of strange) {
    test(`an answer ${name} is passed over`, () => {
      const client = new Client();
      const before = client.state;
      client.receive(frameFor(client));
      expect(client.state).toEqual(before);
      expect(client.sent).toEqual([]);
    });
  }

  const useless: [string, Partial<Answered>][] = [
    ["a group's", { address: "ff02::1" }],
    ["a link-local", { address: "fe80::7" }],
    ["a loopback", { address: "::1" }],
    ["no", { address: "::" }],
    ["an IPv4", { address: "::ffff:10.0.0.1" }],
    ["an ended", { valid: 0, preferred: 0 }],
    ["a contradictory", { valid: 5, preferred: 6 }],
  ];
  for (const [name, more] of useless) {
    test(`${name} address is no offer`, () => {
      const client = new Client();
      client.answer("ADVERTISE", more);
      expect(client.state.offers).toEqual([]);
      expect(client.state.trouble).toContain("gave no address");
    });
  }
});

test("no more offers and routers are remembered than anybody needs", () => {
  const client = new Client();
  for (let i = 10; i < 60; i++) {
    client.answer("ADVERTISE", { server: `${i}` });
    client.receive(routerFrame({ router: `fe80::${i}` }));
  }
  expect(client.state.offers.length).toBeLessThanOrEqual(8);
  expect(client.state.routers.heard.length).toBeLessThanOrEqual(8);
});

test("no bytes at all hurt, nor does an answer with any of its bits turned or cut off", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.tuple(fc.integer({ min: 54, max: 400 }), fc.nat(255)), { maxLength: 6 }),
      fc.nat(420),
      fc.constantFrom("ADVERTISE", "REPLY" as MessageType),
      (noise, turned, length, type) => {
        const client = new Client();
        client.receive(noise);
        const frame = answerTo(client.message, type, { said: { preference: 255 } });
        for (const [at, bits] of turned) if (at < frame.length) frame[at]! ^= bits;
        client.receive(frame.subarray(0, length));
        expect(["seeking", "held"]).toContain(client.state.stage);
      },
    ),
    { numRuns: 300 },
  );
});

test("whatever comes in whatever order, it ends with a lease when a server behaves", () => {
  const answer = fc.record({
    type: fc.constantFrom("ADVERTISE", "REPLY" as MessageType),
    more: fc.record(
      {
        server: fc.constantFrom("01", "02"),
        address: fc.constantFrom(usualAddress, "2001:db8::51", undefined),
        iaStatus: fc.nat(6),
        status: fc.nat(6),
        valid: fc.constantFrom(0, 1, 700, 0xffffffff),
        preferred: fc.constantFrom(0, 1, 700),
        t1: fc.constantFrom(0, 1, 0xffffffff),
        t2: fc.constantFrom(0, 1, 0xffffffff),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<Partial<Answered>>,
  });
  const other = fc.constantFrom("wake", "conflict", "router", "noise", "restart" as const);
  const events = fc.array(fc.oneof(answer, other), { maxLength: 40 });
  fc.assert(
    fc.property(events, (list) => {
      const client = new Client();
      for (const event of list) {
        if (typeof event === "object") client.answer(event.type, event.more);
        else if (event === "conflict") client.receive(claimFrame(usualAddress));
        else if (event === "router") client.receive(routerFrame());
        else if (event === "noise") client.receive(Uint8Array.of(1, 2, 3));
        else if (event === "restart" && client.state.stage === "held") client.restart();
        else if (client.state.wakeAt !== undefined) client.wake();
        expect(client.state.listens || client.state.stage === "held").toBe(true);
      }
      for (let i = 0; i < 80 && client.state.stage !== "held"; i++) {
        const answered = { SOLICITING: "ADVERTISE", REQUESTING: "REPLY" }[
          client.state.phase as string
        ];
        if (answered) client.answer(answered as MessageType);
        // The offer may be one of a server that is heard no more.
        if (client.state.phase !== "BOUND") client.wake();
      }
      expect(client.state.stage).toBe("held");
    }),
    { numRuns: 300 },
  );
});
