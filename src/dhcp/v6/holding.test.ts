/** How a DHCPv6 client keeps its lease, loses it and gives it back. */
import { describe, expect, test } from "bun:test";
import { Client, second } from "./client-fixture.ts";
import { readOption } from "./options.ts";
import { orderOf, routerFrame, serverDuid, usualAddress } from "./server-fixture.ts";
import { parseV6State } from "./state.ts";
import { statusCodes } from "./values.ts";

const held = () => new Client().bind();
const to = ({ sent: [first] }: Client) => (first?.kind === "datagram" ? first.to : undefined);
const serverIn = ({ message }: Client) => readOption(message.options, "serverId")?.toHex();

describe("renewal", () => {
  test("the lease's server is asked at T1, and more time is the lease's", () => {
    const client = held();
    const { renewAt } = client.state.lease!.times;
    client.wake();
    expect(client.now).toBe(renewAt!);
    expect(client.state).toMatchObject({ stage: "held", phase: "RENEWING", listens: true });
    expect(client.message.type).toBe("RENEW");
    expect(serverIn(client)).toBe(serverDuid("01"));
    expect(to(client)).toBe("ff02::1:2");
    client.now += 40;
    client.answer("REPLY", { valid: 2000 });
    expect(client.state).toMatchObject({ phase: "BOUND", listens: false });
    expect(client.state.lease!.times.expiresAt).toBe(renewAt! + 2000 * second);
    expect(client.state.lease!.ips).toEqual([
      { address: `${usualAddress}/64`, gateway: "fe80::1" },
    ]);
  });

  test("another server's word counts only once all are asked", () => {
    const client = held().wake();
    client.answer("REPLY", { server: "02" });
    expect(client.state.phase).toBe("RENEWING");
    client.wakeUntil("REBINDING");
    expect(client.now).toBe(client.state.lease!.times.rebindAt!);
    expect(client.message.type).toBe("REBIND");
    expect(serverIn(client)).toBeUndefined();
    client.answer("REPLY", { server: "02" });
    expect(client.state).toMatchObject({ phase: "BOUND", lease: { server: serverDuid("02") } });
    client.wake();
    expect(serverIn(client)).toBe(serverDuid("02"));
  });

  test("a server that allows unicast is asked by it, until it has changed its mind", () => {
    const said = { unicast: "2001:db8::547" };
    const client = new Client().bind({ said }).wake();
    expect(to(client)).toBe("2001:db8::547");
    client.answer("REPLY", { address: undefined, status: statusCodes.useMulticast });
    expect(client.message.type).toBe("RENEW");
    expect(to(client)).toBe("ff02::1:2");
    client.answer("REPLY", { address: undefined, status: statusCodes.useMulticast });
    expect(client.sent).toEqual([]);
    expect(client.state.phase).toBe("RENEWING");
  });

  test("silence is met as RFC 8415 says until the lease runs out; then all begins anew", () => {
    const client = held();
    const { rebindAt, expiresAt } = client.state.lease!.times;
    const times: [string, number][] = [];
    while (client.state.stage === "held") {
      client.wake();
      times.push([client.message.type, client.now]);
    }
    const ofType = (type: string) => times.filter(([each]) => each === type).map(([, at]) => at);
    const renewals = ofType("RENEW");
    expect(renewals[1]! - renewals[0]!).toBeCloseTo(10 * second, -2);
    expect(renewals[2]! - renewals[1]!).toBeCloseTo(20 * second, -2);
    expect(ofType("REBIND")[0]).toBe(rebindAt!);
    expect(client.now).toBe(expiresAt!);
    expect(client.state).toMatchObject({
      stage: "seeking",
      phase: "SOLICITING",
      trouble: `no server renewed the lease of ${serverDuid("01")}`,
    });
    const hint = readOption(client.message.options, "iaNa")!.options;
    expect(readOption(hint, "iaAddress")?.address).toBe(usualAddress);
    client.bind();
  });

  test("a server that lost its memory is asked to make the lease again", () => {
    for (const phase of ["RENEWING", "REBINDING"]) {
      const client = held().wakeUntil(phase);
      client.answer("REPLY", { address: undefined, iaStatus: statusCodes.noBinding });
      expect(client.state).toMatchObject({ stage: "held", phase: "RESTORING" });
      expect(client.message.type).toBe("REQUEST");
      client.answer("REPLY");
      expect(client.state).toMatchObject({ stage: "held", phase: "BOUND" });
    }
  });

  test("one that then falls silent is asked as before", () => {
    const client = held().wake();
    client.answer("REPLY", { address: undefined, iaStatus: statusCodes.noBinding });
    for (let i = 0; i < 9; i++) expect(client.wake().message.type).toBe("REQUEST");
    expect(["RENEW", "REBIND"]).toContain(client.wake().message.type);
  });

  test("an address that its server takes back is given up at once", () => {
    for (const [more, trouble] of [
      [{ valid: 0, preferred: 0 }, "took the address back"],
      [{ address: undefined, status: statusCodes.notOnLink }, "notOnLink"],
    ] as const) {
      const client = held().wake();
      client.answer("REPLY", more);
      expect(client.state).toMatchObject({ stage: "seeking", phase: "SOLICITING" });
      expect(client.state.trouble).toContain(trouble);
    }
  });

  test("another address in its place is made sure of first", () => {
    const client = held().wake();
    client.answer("REPLY", { address: "2001:db8::77" });
    expect(client.state).toMatchObject({ stage: "seeking", phase: "PROBING" });
    client.wake();
    expect(client.state.lease!.ips[0]!.address).toBe("2001:db8::77/64");
  });

  test("an answer that says nothing of the address changes nothing", () => {
    const client = held().wake();
    client.answer("REPLY", { address: undefined });
    client.answer("REPLY", { address: undefined, status: statusCodes.unspecFail });
    client.answer("REPLY", { iaid: 1 });
    client.answer("REPLY", { t1: 500, t2: 400 });
    client.answer("REPLY", { preferred: 3000 });
    expect(client.state.phase).toBe("RENEWING");
  });
});

describe("times", () => {
  test("what the server leaves open is half and four fifths of the preferred lifetime", () => {
    const client = new Client().bind({ t1: 0, t2: 0, preferred: 100, valid: 1000 });
    const { startedAt, renewAt, rebindAt, expiresAt } = client.state.lease!.times;
    const spans = [renewAt, rebindAt, expiresAt].map((at) => (at! - startedAt) / second);
    expect(spans).toEqual([50, 80, 1000]);
  });

  test("a lease may be for ever, and then is never renewed", () => {
    const forever = 0xffffffff;
    for (const t of [0, forever]) {
      const client = new Client().bind({ t1: t, t2: t, preferred: forever, valid: forever });
      expect(client.state.lease!.times).toMatchObject({ renewAt: null, expiresAt: null });
      expect(client.state.wakeAt).toBeUndefined();
    }
  });

  test("times beyond the lease's end are cut to it", () => {
    const client = new Client().bind({ t1: 5000, t2: 6000 });
    const { renewAt, rebindAt, expiresAt } = client.state.lease!.times;
    expect([renewAt, rebindAt]).toEqual([expiresAt, expiresAt]);
  });
});

describe("after a restart", () => {
  test("the addresses are confirmed, and silence keeps them", () => {
    const client = held();
    client.now += 10 * second;
    client.restart();
    expect(client.state).toMatchObject({ stage: "held", phase: "CONFIRMING" });
    expect(client.state.wakeAt! - client.now).toBeLessThan(second);
    client.wake();
    expect(client.message.type).toBe("CONFIRM");
    const from = client.now;
    client.wakeUntil("BOUND");
    expect(client.now - from).toBeGreaterThan(8 * second);
    expect(client.state.wakeAt).toBe(client.state.lease!.times.renewAt!);
  });

  test("any server may confirm them, or say that they are of another link", () => {
    const right = held().restart().wake();
    right.answer("REPLY", { server: "07", address: undefined });
    expect(right.state).toMatchObject({ stage: "held", phase: "BOUND" });
    const wrong = held().restart().wake();
    wrong.answer("REPLY", { address: undefined, status: statusCodes.unspecFail });
    expect(wrong.state.phase).toBe("CONFIRMING");
    wrong.answer("REPLY", { address: undefined, status: statusCodes.notOnLink });
    expect(wrong.state).toMatchObject({ stage: "seeking", phase: "SOLICITING" });
  });

  test("what is due is done first, also what became due while nobody looked", () => {
    const late = held();
    late.now = late.state.lease!.times.renewAt! + 1;
    expect(late.restart().message.type).toBe("RENEW");
    late.now = late.state.lease!.times.rebindAt! + 1;
    expect(late.restart().message.type).toBe("REBIND");
    late.now = late.state.lease!.times.expiresAt! + 1;
    expect(late.restart().message.type).toBe("SOLICIT");
    const soon = held();
    soon.now = soon.state.lease!.times.renewAt! - 300;
    expect(soon.restart().wake().wake().message.type).toBe("RENEW");
  });

  test("each lasting state is read back, and what is none is not", () => {
    const client = held();
    for (const phase of ["BOUND", "RENEWING", "REBINDING"]) {
      client.wakeUntil(phase);
      expect(parseV6State(JSON.parse(JSON.stringify(client.state)))).toEqual(client.state);
    }
    const { state } = held();
    const bad: unknown[] = [
      ...[null, 1, "", [], {}],
      { ...state, phase: "SOLICITING" },
      { ...state, lease: { ...state.lease, family: 4 } },
      { ...state, lease: { ...state.lease, times: {} } },
      { ...state, binding: undefined },
      { ...state, binding: { ...state.binding, addresses: "::" } },
      { ...state, order: { ...state.order, clientId: "x" } },
      { ...state, routers: {} },
    ];
    for (const each of bad) expect(parseV6State(each)).toBeUndefined();
  });
});

describe("release", () => {
  test("the server is told until it has heard", () => {
    const client = held();
    client.release();
    expect(client.message.type).toBe("RELEASE");
    expect(serverIn(client)).toBe(serverDuid("01"));
    client.answer("REPLY", { server: "02" });
    expect(client.state.phase).toBe("RELEASING");
    client.answer("REPLY", { address: undefined, iaStatus: statusCodes.noBinding });
    expect(client.state).toMatchObject({ stage: "ended", phase: "RELEASED", listens: false });
    expect(client.state.lease).toBeUndefined();
    client.release();
    expect(client.sent).toEqual([]);
  });

  test("a server that does not hear is told four times", () => {
    const client = held();
    client.release();
    for (let i = 0; i < 3; i++) expect(client.wake().message.type).toBe("RELEASE");
    expect(client.wake().state.stage).toBe("ended");
  });

  test("an address whose conflicts are still being looked for is given back too", () => {
    const client = new Client(orderOf());
    client.receive(routerFrame());
    client.answer("ADVERTISE");
    client.wake();
    client.answer("REPLY");
    client.release();
    expect(client.message.type).toBe("RELEASE");
  });
});
