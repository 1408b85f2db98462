/** When two kernel objects are the same thing, and in what they differ. */
import { describe, expect, test } from "bun:test";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import { differences, key } from "./key.ts";

const own = { netns: hostNetns, scope: "att:1", life: "exclusive" } as const;
const shared = { netns: hostNetns, scope: "net:blue", life: "shared" } as const;
const box = { ...own, netns: "/var/run/netns/box" } as const;

const bridge: LinkObject = {
  ...shared,
  kind: "link",
  type: "bridge",
  name: "br0",
  mac: "02:00:00:00:00:01",
  mtu: 1500,
  alias: "netloom:cni",
  up: true,
};
const pair: LinkObject = {
  ...own,
  kind: "link",
  type: "veth",
  name: "nl1",
  mtu: 1500,
  up: true,
  master: "br0",
  bridgePort: { hairpin: true },
  peer: { netns: box.netns, name: "eth0", up: true },
};
const address: KernelObject = { ...box, kind: "address", link: "eth0", address: "10.1.0.5/24" };
const route: KernelObject = { ...box, kind: "route", link: "eth0", dst: "0.0.0.0/0" };
const sysctl: KernelObject = { ...own, kind: "sysctl", path: "net/ipv4/ip_forward", value: "1" };
const chain: KernelObject = {
  ...shared,
  kind: "nft-chain",
  family: "inet",
  table: "t",
  chain: "c",
  rules: ["masquerade"],
};
const element: KernelObject = {
  ...own,
  kind: "nft-element",
  family: "inet",
  table: "t",
  set: "s",
  key: [{ proto: 6 }, { l4Port: 80 }],
  data: { values: [{ ipv4: "10.1.0.5" }, { l4Port: 8080 }] },
};
const all = [bridge, pair, address, route, sysctl, chain, element];

describe("key", () => {
  test("keeps all kinds apart", () => {
    expect(new Set(all.map(key)).size).toBe(all.length);
  });

  const same: [string, KernelObject, KernelObject][] = [
    ["the owner", address, { ...address, scope: "att:2", life: "shared" }],
    ["a link's settings", bridge, { ...bridge, mtu: 9000, up: false, mac: undefined }],
    ["a link's type", bridge, { ...bridge, type: "existing" }],
    ["how an address was added", address, { ...address, dad: false, prefixRoute: false }],
    ["a route's gateway", route, { ...route, gateway: "10.1.0.1" }],
    ["that the main table is named", route, { ...route, table: 254, priority: 0 }],
    ["a sysctl's value", sysctl, { ...sysctl, value: "0" }],
    ["a chain's rules", chain, { ...chain, rules: [] }],
    ["an element's data and comment", element, { ...element, data: undefined, comment: "x" }],
  ];
  test.each(same)("does not depend on %s", (_, a, b) => {
    expect(key(b)).toBe(key(a));
  });

  const apart: [string, KernelObject, KernelObject][] = [
    ["the namespace", address, { ...address, netns: hostNetns }],
    ["a link's name", bridge, { ...bridge, name: "br1" }],
    ["an address's link", address, { ...address, link: "eth1" }],
    ["an address's prefix length", address, { ...address, address: "10.1.0.5/16" }],
    ["a route's destination", route, { ...route, dst: "10.0.0.0/8" }],
    ["a route's table", route, { ...route, table: 100 }],
    ["a route's priority", route, { ...route, priority: 5 }],
    ["a sysctl's path", sysctl, { ...sysctl, path: "net/ipv6/conf/all/forwarding" }],
    ["a table's family", chain, { ...chain, family: "bridge" }],
    ["an element's key", element, { ...element, key: [{ proto: 17 }, { l4Port: 80 }] }],
    ["an element's set", element, { ...element, set: "s2" }],
  ];
  test.each(apart)("depends on %s", (_, a, b) => {
    expect(key(b)).not.toBe(key(a));
  });
});

describe("differences", () => {
  test.each(all.map((object): [string, KernelObject] => [object.kind, object]))(
    "are none between a %s and itself under another owner",
    (_, object) => {
      expect(differences(object, { ...object, scope: "other", life: "shared" })).toEqual([]);
    },
  );

  const cases: [string, KernelObject, object, string[]][] = [
    ["a value that differs", pair, { mtu: 1400 }, ["mtu"]],
    ["a value that is missing", pair, { master: undefined }, ["master"]],
    ["several values", pair, { up: false, mtu: 1400 }, ["mtu", "up"]],
    ["a nested value", pair, { peer: { ...pair.peer, up: false } }, ["peer"]],
    ["a bridge port's setting", pair, { bridgePort: { hairpin: false } }, ["bridgePort"]],
    ["the type of a link", bridge, { type: "existing" }, ["type"]],
    ["fewer rules than wanted", chain, { rules: [] }, ["rules"]],
    ["more rules than wanted", chain, { rules: ["masquerade", "drop"] }, ["rules"]],
    ["an element's data", element, { data: { verdict: "drop" } }, ["data"]],
    ["an element without data", element, { data: undefined }, ["data"]],
    ["VLANs in place of none", { ...pair, vlans: [] }, { vlans: [{ vid: 1 }] }, ["vlans"]],
    ["a list in place of an object", pair, { bridgePort: [] }, ["bridgePort"]],
  ];
  test.each(cases)("name %s", (_, desired, change, fields) => {
    expect(differences(desired, { ...desired, ...change } as KernelObject).sort()).toEqual(fields);
  });

  const open: [string, KernelObject, object][] = [
    ["what the desired object leaves out", route, { gateway: "10.1.0.1", scopeId: 0 }],
    ["what it leaves undefined", { ...pair, mac: undefined }, { mac: "02:00:00:00:00:09" }],
    ["more settings of a bridge port", pair, { bridgePort: { hairpin: true, learning: false } }],
    ["what creation settled on a shared link", bridge, { mac: "x", mtu: 9000, alias: undefined }],
  ];
  test.each(open)("do not hold %s", (_, desired, change) => {
    expect(differences(desired, { ...desired, ...change } as KernelObject)).toEqual([]);
  });

  test("hold the address and MTU of a link of one's own", () => {
    const mine = { ...pair, mac: "02:00:00:00:00:02" };
    expect(differences(mine, { ...mine, mac: "02:00:00:00:00:03", mtu: 9000 }).sort()).toEqual([
      "mac",
      "mtu",
    ]);
  });
});
