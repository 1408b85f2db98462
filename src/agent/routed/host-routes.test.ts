/** When routes are set, and when they go. */
import { expect, test } from "bun:test";
import type { LogEvent } from "../../lib/log.ts";
import { difference, type Entries, type Entry, keyed } from "./entries.ts";
import { HostRoutes } from "./host-routes.ts";
import type { RoutedKernel } from "./kernel.ts";

const block = (cidr: string) => ({
  spec: { subnet: { namespace: "default", name: "blue" }, cidr, host: "a" },
});

/** A host with a routed network, and a kernel in memory. */
function hostOf({ there = [] as Entry[], isSole = (): boolean => true } = {}) {
  const kernel = { real: keyed(there), known: new Map<string, Entry>() as Entries, looks: 0 };
  const events: LogEvent[] = [];
  const objects = {
    networks: [
      { metadata: { namespace: "default", name: "blue" }, spec: { type: "routed" } },
    ] as object[],
    ipblocks: [block("10.1.0.0/26")] as object[],
    blockroutes: [] as object[],
  } as Record<string, object[]>;
  const spec = {
    ...{ isComplete: false, revision: undefined as string | undefined },
    all: (plural: string) => objects[plural] ?? [],
    host: () => undefined,
    subnet: () => ({ spec: { network: "blue" } }),
  };
  const fake = {
    get applied() {
      return kernel.known;
    },
    look() {
      kernel.looks++;
      kernel.known = new Map(kernel.real);
    },
    bring(desired: Entries, mayRemove: boolean) {
      const { set, gone } = difference(kernel.known, desired);
      for (const { entry } of set) kernel.real.set(`route ${(entry as any).dst}`, entry);
      for (const entry of mayRemove ? gone : []) kernel.real.delete(`route ${(entry as any).dst}`);
      kernel.known = new Map(kernel.real);
      return { set: set.length, gone: mayRemove ? gone.length : 0, failures: [] };
    },
  };
  const log = (event: LogEvent) => void events.push(event);
  const learnt = { learns: () => false, isSettled: true };
  const tunnels = {
    ...{ applied: new Map(), troubles: [], serves: () => false, release: () => [], want() {} },
  };
  const about = {
    ...{ host: "a", spec: spec as never, kernel: fake as unknown as RoutedKernel },
    ...{ log, learnt, tunnels, isSole },
    tunnel: { want() {}, stateOf: () => undefined },
  };
  const routes = () => [...kernel.real.keys()].sort();
  return { spec, objects, kernel, events, routes, own: new HostRoutes(about) };
}

const stale: Entry = { kind: "route", type: "blackhole", dst: "10.9.0.0/26" };

test("nothing goes before a whole node spec was heard in this run", () => {
  const host = hostOf({ there: [stale] });
  host.own.pass();
  expect([host.kernel.looks, host.routes()]).toEqual([0, ["route 10.9.0.0/26"]]);
  host.spec.isComplete = true;
  host.own.pass();
  expect(host.routes()).toEqual(["route 10.1.0.0/26", "route 10.9.0.0/26"]);
  host.spec.revision = "5";
  host.own.pass();
  expect(host.routes()).toEqual(["route 10.1.0.0/26"]);
  host.objects.networks = [];
  host.own.pass();
  expect(host.routes()).toEqual([]);
});

test("while another agent of the namespace keeps routes it stands back, and says so", () => {
  let isSole = false;
  const host = hostOf({ there: [stale], isSole: () => isSole });
  Object.assign(host.spec, { isComplete: true, revision: "5" });
  host.own.pass();
  host.own.pass();
  expect(host.routes()).toEqual(["route 10.9.0.0/26"]);
  expect(host.own.trouble).toContain("another agent of this network namespace");
  expect(host.events.map(({ event }) => event)).toEqual(["routes are another agent's"]);
  host.objects.networks = [];
  host.own.pass();
  expect([host.routes(), host.own.trouble]).toEqual([["route 10.9.0.0/26"], undefined]);
  isSole = true;
  host.own.pass();
  expect(host.routes()).toEqual([]);
});

test("what an outside hand took is found by a look, and put back, and told", () => {
  const host = hostOf();
  Object.assign(host.spec, { isComplete: true, revision: "5" });
  host.own.pass();
  host.own.pass();
  expect(host.kernel.looks).toBe(1);
  host.kernel.real.clear();
  host.own.distrust();
  host.own.pass();
  expect(host.routes()).toEqual(["route 10.1.0.0/26"]);
  expect(host.events.map(({ event }) => event)).toEqual([
    ...["routes changed", "routes repaired", "routes changed"],
  ]);
});

test("who is not reached is told once, and in the host's condition as long as it is so", () => {
  const host = hostOf();
  Object.assign(host.spec, { isComplete: true, revision: "5" });
  const hosts = ["b", "c", "d", "e", "f", "g", "h"];
  host.objects.blockroutes = hosts.map((name, i) => ({
    spec: { network: "default/blue", host: name, cidr: `10.1.${i + 1}.0/26` },
  }));
  for (let pass = 0; pass < 2; pass++) host.own.pass();
  expect(host.events.filter(({ event }) => event === "host not reached")).toHaveLength(7);
  expect(host.own.trouble).toStartWith('network "default/blue" does not reach host "b": ');
  expect(host.own.trouble).toEndWith("; and 2 more");
  host.objects.blockroutes = [];
  host.own.pass();
  expect(host.own.trouble).toBeUndefined();
});

test("who tells of no address for a moment is where it was", () => {
  const host = hostOf();
  Object.assign(host.spec, { isComplete: true, revision: "5" });
  host.objects.networks = [
    {
      metadata: { namespace: "default", name: "blue" },
      spec: { type: "routed", backend: "host-gw" },
    },
  ];
  host.objects.blockroutes = [
    { spec: { network: "default/blue", host: "b", cidr: "10.1.1.0/26" } },
  ];
  const at = (address: string) => [{ address, prefixLength: 24, mtu: 1500 }];
  const tell = (own: object[], theirs: object[]) => {
    host.spec.host = (() => ({ status: { underlay: own } })) as never;
    host.objects.hostpeers = [{ metadata: { name: "b" }, spec: { underlay: theirs } }];
    host.own.pass();
    return host.own.trouble;
  };
  expect(tell([], at("198.51.0.2"))).toContain("this host has no IPv4 address");
  expect(tell(at("198.51.0.1"), at("198.51.0.2"))).toBeUndefined();
  expect(tell([], [])).toBeUndefined();
  expect(tell(at("198.51.0.1"), at("192.0.2.9"))).toContain("is on another link");
});
