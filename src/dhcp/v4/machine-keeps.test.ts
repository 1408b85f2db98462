/** The DHCPv4 client keeps a lease: renews, rebinds, loses it, gives it back. */
import { describe, expect, test } from "bun:test";
import { Client, otherServer, second } from "./client-fixture.ts";
import { readOption } from "./options.ts";
import { answerTo, usualAnswer } from "./server-fixture.ts";
import { parseV4State } from "./state.ts";

describe("keeping a lease", () => {
  test("half way the server is asked for more, alone and straight", () => {
    const client = new Client().bind();
    const bindXid = client.state.xid;
    client.wake();
    expect(client.state).toMatchObject({ phase: "RENEWING", stage: "held", listens: true });
    expect(client.sent[0]).toMatchObject({ kind: "datagram", from: "10.0.0.50", to: "10.0.0.1" });
    expect(client.message).toMatchObject({ type: "REQUEST", ciaddr: "10.0.0.50" });
    expect(client.message.xid).not.toBe(bindXid + 1);
    expect(client.message.options.has(50)).toBe(false);
    expect(client.message.options.has(54)).toBe(false);
    client.answer("ACK", { said: { ...usualAnswer, leaseSeconds: 1200 } });
    expect(client.state.phase).toBe("BOUND");
    expect(client.state.wakeAt).toBe(client.now + 600 * second);
  });

  test("T1 and T2 are the server's, unless they make no sense", () => {
    const times = (said: object) => {
      const { lease } = new Client().bind({ said: { ...usualAnswer, ...said } }).state;
      const { startedAt, renewAt, rebindAt } = lease!.times;
      return [renewAt! - startedAt, rebindAt! - startedAt].map((each) => each / second);
    };
    expect(times({ renewSeconds: 10, rebindSeconds: 20 })).toEqual([10, 20]);
    expect(times({ renewSeconds: 30, rebindSeconds: 20 })).toEqual([20, 20]);
    expect(times({ renewSeconds: 0, rebindSeconds: 700 })).toEqual([300, 525]);
  });

  test("an endless lease is left alone", () => {
    const client = new Client().bind({ said: { ...usualAnswer, leaseSeconds: 0xffffffff } });
    expect(client.state.wakeAt).toBeUndefined();
    expect(client.state.lease?.times.expiresAt).toBeNull();
  });

  test("when its server is lost all are asked, and when none answers the lease ends", () => {
    const client = new Client().bind();
    const { rebindAt, expiresAt } = client.state.lease!.times;
    const kinds = new Set<string>();
    const at: [number, string][] = [];
    while (client.state.stage === "held") {
      client.wake();
      kinds.add(`${client.state.phase} ${client.sent[0]?.kind}`);
      at.push([client.now, client.state.phase]);
    }
    expect([...kinds]).toEqual(["RENEWING datagram", "REBINDING frame", "SELECTING frame"]);
    expect(at.find(([, phase]) => phase === "REBINDING")?.[0]).toBe(rebindAt!);
    expect(client.now).toBe(expiresAt!);
    expect(at.length).toBeLessThan(12);
    expect(readOption(client.message.options, "requestedIp")).toBe("10.0.0.50");
    client.bind();
  });

  test("a short lease is asked for more than once in time", () => {
    const said = { ...usualAnswer, leaseSeconds: 8 };
    const client = new Client().bind({ said });
    let asked = 0;
    while (client.state.stage === "held") {
      client.wake();
      asked++;
    }
    expect(asked).toBeGreaterThan(4);
  });

  test("any server may take over while all are asked", () => {
    const client = new Client().bind();
    while (client.state.phase !== "REBINDING") client.wake();
    client.answer("ACK", { said: otherServer });
    expect(client.state).toMatchObject({ phase: "BOUND" });
    expect(client.state.lease?.server).toBe("10.0.0.2");
  });

  test("a refusal ends the lease at once; while its own server is asked, only from that one", () => {
    const client = new Client().bind();
    client.wake();
    const asked = client.message;
    client.receive(answerTo(asked, "NAK", { said: { serverId: "10.0.0.2" } }));
    expect(client.state.stage).toBe("held");
    client.receive(answerTo(asked, "NAK", { said: { serverId: "10.0.0.1" } }));
    expect(client.state).toMatchObject({ stage: "seeking", phase: "SELECTING" });
    expect(client.message.type).toBe("DISCOVER");
  });

  test("more time for another address is no answer", () => {
    const client = new Client().bind();
    client.wake();
    client.answer("ACK", { yiaddr: "10.0.0.99" });
    expect(client.state.phase).toBe("RENEWING");
  });

  test("it is given back to its server, by unicast", () => {
    const client = new Client().bind();
    client.release();
    expect(client.sent[0]).toMatchObject({ kind: "datagram", from: "10.0.0.50", to: "10.0.0.1" });
    expect(client.message).toMatchObject({ type: "RELEASE", ciaddr: "10.0.0.50" });
    expect(readOption(client.message.options, "serverId")).toBe("10.0.0.1");
    expect(client.state).toMatchObject({ stage: "ended", listens: false });
    expect(client.state.wakeAt).toBeUndefined();
  });

  test("what was never given is not given back", () => {
    const client = new Client();
    client.release();
    expect(client.sent).toEqual([]);
    expect(client.state.stage).toBe("ended");
  });
});

describe("after a restart of the daemon", () => {
  test("a lease is kept, and renewed at the time that was set", () => {
    const client = new Client().bind();
    const { wakeAt } = client.state;
    client.now += 60 * second;
    client.restart();
    expect(client.state.wakeAt).toBe(wakeAt!);
    expect(client.sent).toEqual([]);
    client.now = wakeAt! + 1;
    client.restart();
    expect(client.state.phase).toBe("RENEWING");
    expect(client.sent[0]?.kind).toBe("datagram");
  });

  test("one that ran out meanwhile is asked for again", () => {
    const client = new Client().bind();
    client.now += 3600 * second;
    client.restart();
    expect(client.message.type).toBe("DISCOVER");
    expect(client.state.stage).toBe("seeking");
  });

  test("what is no state of a lease is not gone on with", () => {
    const good = new Client().bind().state;
    expect(parseV4State(good)).toEqual(good);
    const lease = good.lease!;
    const bad: unknown[] = [
      null,
      [],
      "BOUND",
      {},
      { ...good, phase: "SELECTING" },
      { ...good, lease: undefined },
      { ...good, lease: { ...lease, ips: [] } },
      { ...good, lease: { ...lease, times: { ...lease.times, expiresAt: "soon" } } },
      { ...good, order: { ...good.order, link: { ...good.order.link, mac: "x" } } },
      { ...good, order: { ...good.order, clientId: "zz" } },
    ];
    for (const state of bad) expect(parseV4State(state)).toBeUndefined();
  });
});
