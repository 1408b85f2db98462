/** How a DHCPv6 client comes to a lease: each answer and each silence, by a clock of the test's. */
import { describe, expect, test } from "bun:test";
import { Client, second } from "./client-fixture.ts";
import { readOption } from "./options.ts";
import {
  claimFrame,
  clientMac,
  messageIn,
  orderOf,
  otherMac,
  routerFrame,
  serverDuid,
  usualAddress,
} from "./server-fixture.ts";
import { statusCodes } from "./values.ts";

const addressesIn = ({ message }: Client) =>
  readOption(message.options, "iaNa")!.options.flatMap(([code, bytes]) =>
    code === 5 ? [readOption([[code, bytes]], "iaAddress")!.address] : [],
  );

const rapid = { code: 14, value: "" };

describe("getting a lease", () => {
  test("the best offer is asked for once the first wait is over, and granted", () => {
    const client = new Client();
    expect(client.message.type).toBe("SOLICIT");
    const { options } = client.message;
    expect(readOption(options, "optionRequest")).toEqual([23, 24, 82]);
    expect(readOption(options, "elapsedTime")).toBe(0);
    expect(readOption(options, "rapidCommit")).toBeUndefined();
    expect(readOption(options, "clientId")?.toHex()).toMatch(/^0004.{12}8.{3}[89ab].{15}$/);
    expect(client.sent.map(({ kind }) => kind)).toEqual(["datagram", "frame"]);
    client.answer("ADVERTISE");
    expect(client.state.phase).toBe("SOLICITING");
    const waited = client.state.wakeAt! - client.now;
    expect(waited).toBeGreaterThanOrEqual(second);
    expect(waited).toBeLessThanOrEqual(1.1 * second);
    client.wake();
    expect(client.message.type).toBe("REQUEST");
    expect(readOption(client.message.options, "serverId")?.toHex()).toBe(serverDuid("01"));
    expect(addressesIn(client)).toEqual([usualAddress]);
    client.receive(routerFrame());
    client.answer("REPLY", { said: { nameservers: ["2001:db8::53"] } });
    expect(client.state).toMatchObject({ stage: "seeking", phase: "PROBING" });
    expect(client.sent[0]).toMatchObject({ kind: "probe", address: usualAddress });
    const askedAt = client.state.sentAt;
    client.wake();
    expect(client.state).toMatchObject({ stage: "held", phase: "BOUND", listens: false });
    expect(client.state.trouble).toBeUndefined();
    expect(client.state.lease).toEqual({
      family: 6,
      ips: [{ address: `${usualAddress}/64`, gateway: "fe80::1" }],
      routes: [{ dst: "::/0", gw: "fe80::1" }],
      dns: { nameservers: ["2001:db8::53"] },
      server: serverDuid("01"),
      times: {
        startedAt: askedAt,
        renewAt: askedAt + 300 * second,
        rebindAt: askedAt + 480 * second,
        expiresAt: askedAt + 1000 * second,
      },
    });
    expect(client.state.wakeAt).toBe(askedAt + 300 * second);
  });

  test("the same container is the same client, another is another", () => {
    const duid = (clientId: string) =>
      readOption(new Client(orderOf({}, { clientId })).message.options, "clientId")!.toHex();
    expect(duid("0061")).toBe(duid("0061"));
    expect(duid("0061")).not.toBe(duid("0062"));
  });

  test("an offer of the highest preference is not waited beyond", () => {
    const client = new Client();
    client.answer("ADVERTISE", { said: { preference: 255 } });
    expect(client.message.type).toBe("REQUEST");
  });

  test("of several offers the server of the highest preference is asked, of equals the first", () => {
    for (const [preferences, best] of [
      [[0, 7, 3], "02"],
      [[4, 4, 4], "01"],
      [[0, 0, 200], "03"],
    ] as const) {
      const client = new Client();
      for (const [i, preference] of preferences.entries()) {
        const address = `2001:db8::${i}`;
        client.answer("ADVERTISE", { server: `0${i + 1}`, address, said: { preference } });
      }
      client.wake();
      expect(readOption(client.message.options, "serverId")?.toHex()).toBe(serverDuid(best));
    }
  });

  test("silence is met with longer and longer waits; then the first offer is taken at once", () => {
    const client = new Client();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      waits.push(client.state.wakeAt! - client.now);
      client.wake();
      expect(client.message.type).toBe("SOLICIT");
    }
    for (const [i, wait] of waits.slice(0, 6).entries()) {
      expect(wait / second).toBeGreaterThan(2 ** i * 0.9);
      expect(wait / second).toBeLessThan(2 ** i * 1.2);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(132 * second);
    const elapsed = readOption(client.message.options, "elapsedTime")!;
    expect(elapsed).toBe(Math.min(0xffff, Math.floor((client.now - client.state.begunAt) / 10)));
    client.answer("ADVERTISE");
    expect(client.message.type).toBe("REQUEST");
  });

  test("a server may ask for more patience, or the order for less", () => {
    const patient = new Client();
    const none = { address: undefined, iaStatus: statusCodes.noAddrsAvail };
    patient.answer("ADVERTISE", { ...none, said: { solMaxRt: 600 } });
    const hasty = new Client(orderOf({}, { maxRetryMs: 3 * second }));
    for (let i = 0; i < 14; i++) for (const client of [patient, hasty]) client.wake();
    expect(patient.state.waitMs).toBeGreaterThanOrEqual(540 * second);
    expect(hasty.state.waitMs).toBeLessThanOrEqual(3.3 * second);
    const unmoved = new Client();
    for (const solMaxRt of [59, 86_401]) unmoved.answer("ADVERTISE", { said: { solMaxRt } });
    expect(unmoved.state.longestSolicitMs).toBeUndefined();
  });

  test("two messages are enough where the user wants that and the server can", () => {
    const client = new Client(orderOf({ provide: [rapid] }));
    expect(readOption(client.message.options, "rapidCommit")).toBe(true);
    client.answer("REPLY");
    expect(client.state.phase).toBe("SOLICITING");
    client.answer("REPLY", { said: { rapidCommit: true } });
    expect(client.state.phase).toBe("PROBING");
    const unasked = new Client();
    unasked.answer("REPLY", { said: { rapidCommit: true } });
    expect(unasked.state.phase).toBe("SOLICITING");
  });

  test("what the user provides and requests is told, and a name is asked back", () => {
    const provide = [
      { code: 16, value: "0000000000016e" },
      { code: 39, value: "0104626c7565" },
    ];
    const client = new Client(orderOf({ request: [59], provide }));
    const { options } = client.message;
    expect(readOption(options, "optionRequest")).toEqual([59, 82, 39]);
    expect(readOption(options, "clientFqdn")).toEqual({ flags: 1, name: "blue" });
    expect(options.find(([code]) => code === 16)?.[1].toHex()).toBe("0000000000016e");
  });
});

describe("refusals", () => {
  test("a server that has no address left says so, and is asked on", () => {
    const client = new Client();
    const none = { address: undefined, iaStatus: statusCodes.noAddrsAvail };
    client.answer("ADVERTISE", none);
    expect(client.state.trouble).toBe(`server ${serverDuid("01")} refused: noAddrsAvail, "No"`);
    expect(client.wake().message.type).toBe("SOLICIT");
    client.answer("ADVERTISE", { address: undefined, status: statusCodes.noAddrsAvail });
    expect(client.state.trouble).toContain('noAddrsAvail, "Not?this"');
    client.answer("ADVERTISE", { address: undefined });
    expect(client.state.trouble).toBe(`server ${serverDuid("01")} gave no address`);
    client.answer("ADVERTISE");
    expect(client.message.type).toBe("REQUEST");
  });

  test("a server that refuses what it offered leaves the word to the next", () => {
    const client = new Client();
    client.answer("ADVERTISE", { server: "01", said: { preference: 9 } });
    client.answer("ADVERTISE", { server: "02", address: "2001:db8::2" });
    client.wake();
    client.answer("REPLY", { address: undefined, iaStatus: statusCodes.noAddrsAvail });
    expect(client.message.type).toBe("REQUEST");
    expect(readOption(client.message.options, "serverId")?.toHex()).toBe(serverDuid("02"));
    client.answer("REPLY", { server: "02", address: undefined, status: statusCodes.notOnLink });
    expect(client.state).toMatchObject({ stage: "seeking", phase: "WAITING", setbacks: 1 });
    expect(client.state.wakeAt! - client.now).toBe(second);
    expect(client.wake().message.type).toBe("SOLICIT");
  });

  test("a server that fell silent is given up for another soon, alone after ten messages", () => {
    const alone = new Client();
    alone.answer("ADVERTISE");
    alone.wake();
    for (let i = 0; i < 9; i++) expect(alone.wake().message.type).toBe("REQUEST");
    expect(alone.wake().message.type).toBe("SOLICIT");
    expect(alone.state.trouble).toBe(`server ${serverDuid("01")} offered and fell silent`);
    const other = new Client();
    other.answer("ADVERTISE", { server: "01" });
    other.answer("ADVERTISE", { server: "02" });
    other.wake().wake().wake().wake();
    expect(readOption(other.message.options, "serverId")?.toHex()).toBe(serverDuid("02"));
  });

  test("a failure without a reason is asked again", () => {
    const client = new Client();
    client.answer("ADVERTISE");
    client.wake();
    client.answer("REPLY", { address: undefined, status: statusCodes.unspecFail });
    expect(client.state.phase).toBe("REQUESTING");
    expect(client.wake().message.type).toBe("REQUEST");
  });
});

describe("duplicates", () => {
  const probing = () => {
    const client = new Client();
    client.answer("ADVERTISE");
    client.wake();
    client.answer("REPLY");
    return client;
  };

  test("an address that another host has is declined, and not asked for again", () => {
    const client = probing();
    client.receive(claimFrame(usualAddress, clientMac));
    client.receive(claimFrame("2001:db8::51"));
    expect(client.state.phase).toBe("PROBING");
    client.receive(claimFrame(usualAddress, otherMac));
    expect(client.message.type).toBe("DECLINE");
    expect(addressesIn(client)).toEqual([usualAddress]);
    expect(client.state.trouble).toBe(
      `another host has ${usualAddress}, which server ${serverDuid("01")} gave`,
    );
    client.answer("REPLY", { server: "02" });
    expect(client.state.phase).toBe("DECLINING");
    client.answer("REPLY");
    expect(client.state.phase).toBe("WAITING");
    client.wake();
    expect(client.message.type).toBe("SOLICIT");
    expect(addressesIn(client)).toEqual([]);
    client.answer("ADVERTISE", { address: "2001:db8::51" });
    client.wake();
    client.answer("REPLY", { address: "2001:db8::51" });
    client.wakeUntil("BOUND");
    expect(client.state.lease?.ips[0]?.address).toBe("2001:db8::51/128");
  });

  test("a server that doesn't hear of it is told four times", () => {
    const client = probing();
    client.receive(claimFrame(usualAddress));
    for (let i = 0; i < 3; i++) expect(client.wake().message.type).toBe("DECLINE");
    expect(client.wake().state.phase).toBe("WAITING");
  });

  test("a second conflict is met with more patience", () => {
    const client = probing();
    for (let i = 0; i < 2; i++) {
      client.receive(claimFrame(usualAddress));
      client.answer("REPLY");
      if (i === 1) break;
      client.wake();
      client.answer("ADVERTISE");
      client.wake();
      client.answer("REPLY");
    }
    expect(client.state.wakeAt! - client.now).toBeGreaterThanOrEqual(10 * second);
  });
});

describe("how hard duplicates are looked for", () => {
  const cases = { fast: [2, 200], rfc5227: [1, 1000], off: [0, 0] } as const;
  for (const detection of ["fast", "rfc5227", "off"] as const) {
    const [probes, ms] = cases[detection];
    test(`${detection}: ${probes} probes, and ${ms} ms in all`, () => {
      const client = new Client(orderOf({ conflictDetection: detection }));
      client.receive(routerFrame());
      client.answer("ADVERTISE");
      client.wake();
      const from = client.now;
      client.answer("REPLY");
      let sent = 0;
      while (client.state.phase === "PROBING") {
        sent += client.sent.filter(({ kind }) => kind === "probe").length;
        client.wake();
      }
      expect(client.state.stage).toBe("held");
      expect([sent, client.now - from]).toEqual([probes, ms]);
    });
  }
});

describe("routers", () => {
  const granted = () => {
    const client = new Client();
    client.answer("ADVERTISE");
    client.wake();
    client.answer("REPLY");
    return client.wake();
  };

  test("where none is heard one is asked for again, and waited for, four seconds in all", () => {
    const client = granted();
    expect(client.state).toMatchObject({ stage: "seeking", phase: "AWAITING_ROUTER" });
    expect(client.sent.map(({ kind }) => kind)).toEqual(["frame"]);
    expect(client.state.wakeAt).toBe(client.state.routers.solicitedAt + 4 * second);
    client.wake();
    expect(client.state.lease).toMatchObject({ routes: [], dns: {} });
    expect(client.state.lease?.ips).toEqual([{ address: `${usualAddress}/128` }]);
  });

  test("the first default router ends the wait; one that is none only tells of the link", () => {
    const client = granted();
    client.receive(routerFrame({ lifetime: 0, router: "fe80::9" }));
    expect(client.state.phase).toBe("AWAITING_ROUTER");
    client.receive(routerFrame());
    expect(client.state.stage).toBe("held");
    expect(client.state.lease?.ips).toEqual([
      { address: `${usualAddress}/64`, gateway: "fe80::1" },
    ]);
  });
});

describe("an address that the link has already", () => {
  const keeping = () => new Client(orderOf({}, { keep: usualAddress }));

  test("is kept when a server knows it, and not asked for among neighbours", () => {
    const client = keeping();
    expect(client.message.type).toBe("REBIND");
    expect(addressesIn(client)).toEqual([usualAddress]);
    client.receive(routerFrame());
    client.answer("REPLY");
    expect(client.state).toMatchObject({ stage: "held", phase: "BOUND" });
    expect(client.sent).toEqual([]);
  });

  test("is wished for when no server does, or none answers", () => {
    const unknown = keeping();
    unknown.answer("REPLY", { address: undefined, iaStatus: statusCodes.noBinding });
    const silent = keeping().wake().wake().wake();
    expect(silent.now).toBeLessThan(1_000_000 + 10 * second);
    for (const client of [unknown, silent]) {
      expect(client.message.type).toBe("SOLICIT");
      expect(addressesIn(client)).toEqual([usualAddress]);
    }
  });

  test("another address in the answer is no confirmation", () => {
    const client = keeping();
    client.answer("REPLY", { address: "2001:db8::77" });
    expect(client.message.type).toBe("SOLICIT");
  });
});

test("what a client gives up before it has anything is told to nobody", () => {
  const client = new Client();
  client.release();
  expect(client.state).toMatchObject({ stage: "ended", listens: false });
  expect(client.sent).toEqual([]);
  expect(() => messageIn(client.sent[0])).toThrow();
});
