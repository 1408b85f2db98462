/** What of an attachment can be changed while it is in use. */
import { describe, expect, test } from "bun:test";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import { alter, RigidError } from "./alter.ts";

const own = { netns: hostNetns, scope: "att:1", life: "exclusive" } as const;
const counted = { ...own, scope: "net:blue", life: "counted" } as const;
const inBox = { ...own, netns: "box", link: "eth0" } as const;

const pair = (mtu: number, more: Partial<LinkObject> = {}): LinkObject =>
  ({
    ...{ ...own, kind: "link", type: "veth", name: "nl1", up: true, mtu, master: "br0" },
    bridgePort: { hairpin: false, isolated: false },
    peer: { netns: "box", name: "eth0", mac: "02:00:00:00:00:01", mtu, up: true },
    ...more,
  }) as LinkObject;
const child = (mode: "bridge" | "vepa"): LinkObject => ({
  ...{ ...own, netns: "box", kind: "link", type: "macvlan", name: "eth0", up: true },
  parent: { netns: hostNetns, name: "lan" },
  macvlan: { mode },
});
const shim: LinkObject = {
  ...{ ...counted, kind: "link", type: "macvlan", name: "nls-lan", up: true },
  parent: { netns: hostNetns, name: "lan" },
};
const bridge = (mtu: number): LinkObject => ({
  ...{ ...counted, life: "shared", kind: "link", type: "bridge", name: "br0", up: true, mtu },
});
const address = (text: string): KernelObject => ({ ...inBox, kind: "address", address: text });
const route = (gateway: string): KernelObject => ({
  ...{ ...inBox, kind: "route", dst: "0.0.0.0/0", gateway },
});
const element = (target: string): KernelObject => ({
  ...{ ...own, kind: "nft-element", family: "inet", table: "t", set: "publish4" },
  key: [{ proto: 6 }, { l4Port: 80 }],
  data: { values: [{ ipv4: target }, { l4Port: 80 }] },
});
const sysctl = (value: string, before?: string): KernelObject => ({
  ...{ ...inBox, kind: "sysctl", path: "net/x", value },
  ...(before !== undefined && { before }),
});
const uplink = (name: string): KernelObject => ({
  ...{ ...counted, kind: "uplink", name, bridge: "br0", takeOver: false },
  ...{ isPort: true, isBare: true },
});

/** A name, what is, what is to be, and what changes in words. */
type Case = [string, KernelObject[], KernelObject[], Record<string, unknown> | undefined];

const table: Case[] = [
  [
    "nothing",
    [pair(1500), address("10.1.0.5/24")],
    [pair(1500), address("10.1.0.5/24")],
    undefined,
  ],
  ["nothing, in another order", [address("a"), route("b")], [route("b"), address("a")], undefined],
  ["a pair's MTU", [pair(1500)], [pair(1400)], { links: ["mtu", "peer.mtu"] }],
  ["a bridge's MTU", [bridge(1500)], [bridge(1400)], { links: ["mtu"] }],
  [
    "settings of a bridge's port",
    [pair(1500)],
    [pair(1500, { bridgePort: { hairpin: true, isolated: false } })],
    { links: ["bridgePort"] },
  ],
  ["a further address", [address("a")], [address("a"), address("b")], { changed: [address("b")] }],
  ["an address less", [address("a"), address("b")], [address("a")], { gone: [address("b")] }],
  ["a gateway", [route("10.1.0.1")], [route("10.1.0.9")], { changed: [route("10.1.0.9")] }],
  [
    "an element's value: the kernel changes none in place",
    [element("10.1.0.5")],
    [element("10.1.0.6")],
    { changed: [element("10.1.0.6")], gone: [element("10.1.0.5")] },
  ],
  ["a shim that comes", [child("bridge")], [child("bridge"), shim], { changed: [shim] }],
  ["a shim that goes", [child("bridge"), shim], [child("bridge")], { gone: [shim] }],
];

describe("it tells", () => {
  test.each(table)("%s", (_name, old, wanted, expected) => {
    const found = alter(old, wanted);
    const told = found && {
      ...(found.links.length > 0 && { links: found.links.flatMap(({ fields }) => fields) }),
      ...(found.changed.length > 0 && { changed: found.changed }),
      ...(found.gone.length > 0 && { gone: found.gone }),
    };
    expect(told).toEqual(expected);
  });
});

describe("it refuses, in words,", () => {
  const refused: [string, KernelObject[], KernelObject[], string][] = [
    ["another mode", [child("bridge")], [child("vepa")], 'the mode of "eth0"'],
    ["another bridge", [pair(1500)], [pair(1500, { master: "br1" })], 'the bridge of "nl1"'],
    ["a link of its own that goes", [pair(1500)], [], 'link "nl1"'],
    ["another uplink", [uplink("eth1")], [uplink("eth2")], 'the uplink of bridge "br0"'],
    ["an uplink that comes", [bridge(1500)], [bridge(1500), uplink("eth1")], "the uplink of"],
  ];
  test.each(refused)("%s", (_name, old, wanted, words) => {
    expect(() => alter(old, wanted)).toThrow(RigidError);
    expect(() => alter(old, wanted)).toThrow(words);
  });
});

test("what was there before stays known", () => {
  const old = [sysctl("1", "0"), address("a")];
  const kept = alter(old, [sysctl("1", "1"), address("b")]);
  expect(kept?.objects).toEqual([sysctl("1", "0"), address("b")]);
  expect(alter(old, [sysctl("2", "1")])?.objects).toEqual([sysctl("2", "0")]);
});

test("a record that was on disk is the same", () => {
  const all = [pair(1500), child("bridge"), element("10.1.0.5"), sysctl("1", undefined)];
  expect(alter(JSON.parse(JSON.stringify(all)), all)).toBeUndefined();
});
