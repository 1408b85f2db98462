/** The DHCPv4 client among packets that are not meant well. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Client } from "./client-fixture.ts";
import { arpFrame } from "./frame.ts";
import type { MessageType } from "./options.ts";
import { answerTo, orderOf, usualAnswer } from "./server-fixture.ts";

describe("packets that are no answer to this client", () => {
  const strange: [string, Parameters<typeof answerTo>[2]][] = [
    ["of another transaction", { xid: 1 }],
    ["for another hardware address", { chaddr: "02:00:00:00:00:02" }],
    ["that is a request", { op: "request" }],
    ["without a server", { said: { subnetMask: "255.255.255.0" } }],
    ["from a server of no address", { said: { ...usualAnswer, serverId: "0.0.0.0" } }],
    ["for another client identifier", { said: { ...usualAnswer, clientId: Uint8Array.of(9) } }],
  ];
  for (const [name, more] of strange) {
    test(`an offer ${name} is passed over`, () => {
      const client = new Client();
      const before = client.state;
      client.receive(answerTo(client.message, "OFFER", more));
      expect(client.state).toEqual(before);
      expect(client.sent).toEqual([]);
    });
  }

  test("no bytes at all hurt, nor does an answer with any of its bits turned or cut off", () => {
    const order = orderOf({ conflictDetection: "fast" });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
        fc.nat(420),
        fc.constantFrom("OFFER", "ACK", "NAK" as const),
        (noise, turned, length, type) => {
          const client = new Client(order);
          client.receive(noise);
          const frame = answerTo(new Client(order).message, type as MessageType);
          for (const [at, bits] of turned) frame[at % frame.length]! ^= bits;
          client.receive(frame.subarray(0, length));
          expect(["seeking", "held"]).toContain(client.state.stage);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("whatever comes in whatever order, it ends with a lease when a server behaves", () => {
    const events = fc.array(
      fc.constantFrom("OFFER", "ACK", "NAK", "wake", "conflict", "noise" as const),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(events, (list) => {
        const client = new Client(orderOf({ conflictDetection: "fast" }));
        let question = client.message;
        for (const event of list) {
          if (event === "wake") {
            if (client.state.wakeAt !== undefined) client.wake();
          } else if (event === "conflict") {
            const theirs = { senderMac: "02:00:00:00:00:77", senderIp: "10.0.0.50" };
            client.receive(arpFrame({ ...theirs, op: "reply", targetIp: "10.0.0.50" }));
          } else if (event === "noise") client.receive(Uint8Array.of(1, 2, 3));
          else {
            const xid = client.state.xid;
            client.receive(answerTo({ ...question, xid }, event as MessageType));
          }
          if (client.sent[0] && client.sent[0].kind !== "probe") question = client.message;
        }
        for (let i = 0; i < 60 && client.state.stage !== "held"; i++) {
          const { phase, xid } = client.state;
          const answer = { SELECTING: "OFFER", REQUESTING: "ACK" }[phase as string];
          if (answer) client.receive(answerTo({ ...question, xid }, answer as MessageType));
          else client.wake();
          if (client.sent[0] && client.sent[0].kind !== "probe") question = client.message;
        }
        expect(client.state.stage).toBe("held");
      }),
    );
  });
});
