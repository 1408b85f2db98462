/** From one way to another, moment by moment. */
import { expect, test } from "bun:test";
import { type Entries, type Entry, keyed } from "./entries.ts";
import { Transition } from "./transition.ts";

const device = (vni: number): Entry => ({
  ...{ kind: "device", type: "vxlan", name: `nlx-${vni}`, mac: "0e:00:00:00:00:01", mtu: 1450 },
  ...{ id: vni, port: 4789, local: "198.51.0.1", ttl: 0, dscp: "inherit" },
});
const route = (gateway: string, on?: string): Entry => ({
  ...{ kind: "route", type: "unicast", dst: "10.1.0.0/26", gateway },
  ...(on !== undefined && { device: on }),
});
const fdb: Entry = { kind: "fdb", device: "nlx-7", mac: "0e:00:00:00:00:02", dst: "198.51.0.2" };
const plain = keyed([route("198.51.0.2")]);
const wrapped = keyed([device(7), fdb, route("fe80::2", "nlx-7")]);
const seen = (entries: Entries) =>
  [...entries.values()].map((one) =>
    one.kind === "route" && one.type === "unicast" ? (one.gateway ?? one.device) : one.kind,
  );
const tun: Entry = { kind: "device", type: "tun", name: "nlu-ipv4", mtu: 1472 };
const peer: Entry = {
  ...{ kind: "peer", device: "nlu-ipv4", dst: "10.1.0.0/26", endpoint: "198.51.0.2" },
};
const tunnelled = keyed([
  ...[tun, peer],
  { kind: "route", type: "unicast", dst: "10.1.0.0/26", device: "nlu-ipv4" },
]);

test("the first way is taken at once", () => {
  const { entries, waitMs } = new Transition().stage({
    applied: new Map(),
    desired: wrapped,
    nowMs: 0,
  });
  expect([seen(entries), waitMs]).toEqual([["device", "fdb", "fe80::2"], undefined]);
});

test("to a device: it is made, and its way is taken a second later", () => {
  const own = new Transition();
  const first = own.stage({ applied: plain, desired: wrapped, nowMs: 0 });
  expect([seen(first.entries), first.waitMs]).toEqual([["device", "fdb", "198.51.0.2"], 1000]);
  const second = own.stage({ applied: first.entries, desired: wrapped, nowMs: 400 });
  expect([seen(second.entries), second.waitMs]).toEqual([["device", "fdb", "198.51.0.2"], 600]);
  const last = own.stage({ applied: second.entries, desired: wrapped, nowMs: 1000 });
  expect([last.entries, last.waitMs]).toEqual([wrapped, undefined]);
});

test("from a device: its way is left at once, and it goes five seconds later", () => {
  const own = new Transition();
  const first = own.stage({ applied: wrapped, desired: plain, nowMs: 0 });
  expect([seen(first.entries).sort(), first.waitMs]).toEqual([
    ["198.51.0.2", "device", "fdb"],
    5000,
  ]);
  const last = own.stage({ applied: first.entries, desired: plain, nowMs: 5000 });
  expect([last.entries, last.waitMs]).toEqual([plain, undefined]);
});

test("to a tunnel: its way is taken a second after its process serves, the old one stays", () => {
  const own = new Transition();
  const step = (applied: Entries, nowMs: number, isReady: boolean) =>
    own.stage({ applied, desired: tunnelled, nowMs, isReady: () => isReady });
  const first = step(wrapped, 0, false);
  expect(seen(first.entries)).toEqual(["device", "peer", "fe80::2", "device", "fdb"]);
  const late = step(first.entries, 20_000, false);
  expect(seen(late.entries)).toEqual(["device", "peer", "fe80::2", "device", "fdb"]);
  const ready = step(late.entries, 20_500, true);
  expect([seen(ready.entries)[2], ready.waitMs]).toEqual(["fe80::2", 500]);
  const taken = step(ready.entries, 21_000, true);
  expect(seen(taken.entries)).toEqual(["device", "peer", "nlu-ipv4", "device", "fdb"]);
  const last = step(taken.entries, 26_000, true);
  expect([last.entries, last.waitMs]).toEqual([tunnelled, undefined]);
});

test("from a tunnel: its process knows its peers as long as its device stays", () => {
  const { entries } = new Transition().stage({ applied: tunnelled, desired: plain, nowMs: 0 });
  expect(seen(entries)).toEqual(["198.51.0.2", "device", "peer"]);
});

test("a way without a successor is left after five seconds, its device after as many more", () => {
  const own = new Transition();
  const nowhere = keyed([{ kind: "route", type: "unreachable", dst: "10.1.0.0/26" }]);
  const first = own.stage({ applied: wrapped, desired: nowhere, nowMs: 0 });
  expect([seen(first.entries), first.waitMs]).toEqual([["fe80::2", "device", "fdb"], 5000]);
  const gone = { applied: wrapped, desired: nowhere, nowMs: 0, lost: new Set(["10.1.0.0/26"]) };
  expect(seen(new Transition().stage(gone).entries)[0]).toBe("route");
  // A successor that comes in time is taken as any.
  expect(own.stage({ applied: wrapped, desired: plain, nowMs: 3000 }).entries.size).toBe(3);
  own.stage({ applied: wrapped, desired: nowhere, nowMs: 4000 });
  const left = own.stage({ applied: wrapped, desired: nowhere, nowMs: 9000 });
  expect(seen(left.entries)).toEqual(["route", "device", "fdb"]);
});

test("a network that joins others' tunnel goes there a second after its peers are told", () => {
  const own = new Transition();
  const applied = keyed([tun, ...wrapped.values()]);
  const step = (at: Entries, nowMs: number) =>
    own.stage({ applied: at, desired: tunnelled, nowMs });
  const first = step(applied, 0);
  expect([seen(first.entries)[2], first.waitMs]).toEqual(["fe80::2", 1000]);
  expect(seen(step(first.entries, 1000).entries)[2]).toBe("nlu-ipv4");
});

test("who is behind another part's link stays known for five seconds", () => {
  const own = new Transition();
  const encrypted = keyed([
    { kind: "peer", device: "nlw0", dst: "10.1.0.0/26", endpoint: "b" },
    { kind: "route", type: "unicast", dst: "10.1.0.0/26", device: "nlw0" },
  ]);
  const first = own.stage({ applied: encrypted, desired: plain, nowMs: 0 });
  expect([seen(first.entries), first.waitMs]).toEqual([["198.51.0.2", "peer"], 5000]);
  expect(own.stage({ applied: first.entries, desired: plain, nowMs: 5000 }).entries).toEqual(plain);
});

test("there and back again leaves nothing to wait for", () => {
  const own = new Transition();
  const { entries } = own.stage({ applied: wrapped, desired: plain, nowMs: 0 });
  const back = own.stage({ applied: entries, desired: wrapped, nowMs: 100 });
  expect([back.entries, back.waitMs]).toEqual([wrapped, undefined]);
});

test("without networks all goes at once", () => {
  const { entries, waitMs } = new Transition().stage({
    applied: wrapped,
    desired: new Map(),
    nowMs: 0,
  });
  expect([entries.size, waitMs]).toEqual([0, undefined]);
});

test("from routes that BGP learnt to a device: its way is taken a second later", () => {
  const own = new Transition();
  const applied = new Map();
  const isLearnt = () => true;
  const first = own.stage({ applied, desired: wrapped, nowMs: 0, isLearnt });
  expect([seen(first.entries), first.waitMs]).toEqual([["device", "fdb"], 1000]);
  const last = own.stage({ applied: first.entries, desired: wrapped, nowMs: 1000, isLearnt });
  expect(last.entries).toEqual(wrapped);
});
