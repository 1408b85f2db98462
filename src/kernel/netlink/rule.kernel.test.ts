/** Policy routing rules in fresh namespaces, judged by `ip -j rule`. */
import { describe, expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { addRule, listRules, type NewRule, removeRule } from "./rule.ts";

const priority = 10800;
const shown = (netns: ScratchNetns, family: number): any[] =>
  netns
    .json("ip", family === 10 ? "-6" : "-4", "-j", "-N", "rule")
    .filter((rule) => rule.priority === priority);

/** Rules to add, and what `ip` must show of each. */
const cases: [string, Partial<NewRule>, object][] = [
  [
    "by source",
    { src: "10.1.0.0/16", table: 10800 },
    { src: "10.1.0.0", srclen: 16, table: "10800" },
  ],
  ["by destination", { dst: "192.0.2.1/32", table: 100 }, { dst: "192.0.2.1", table: "100" }],
  [
    "by mark",
    { mark: 0x01000000, mask: 0x3f000000 },
    { fwmark: "0x1000000", fwmask: "0x3f000000" },
  ],
  ["by links", { iif: "in0", oif: "out0" }, { iif: "in0", oif: "out0", table: "254" }],
  [
    "by ports and protocol",
    {
      l4Protocol: 17,
      destinationPorts: { first: 53, last: 53 },
      sourcePorts: { first: 1024, last: 2048 },
    },
    { ipproto: "ipproto-17", dport: 53, sport_start: 1024, sport_end: 2048 },
  ],
  ["by users", { uids: { first: 1000, last: 1999 } }, { uid_start: 1000, uid_end: 1999 }],
  ["inverted", { src: "10.1.0.0/16", invert: true }, { not: null, src: "10.1.0.0" }],
  ["without default routes", { suppressPrefixLength: 0 }, { suppress_prefixlen: 0 }],
  ["to nowhere", { action: "blackhole" }, { action: "6" }],
  ["that refuses", { src: "10.3.0.0/16", action: "prohibit" }, { action: "8" }],
  ["that goes on elsewhere", { action: "goto", goto: 32766 }, { goto: 32766 }],
  ["in IPv6", { family: 10, src: "fd00::/64", table: 10800 }, { src: "fd00::", srclen: 64 }],
  ["of another's protocol", { src: "10.1.0.0/16", protocol: 4 }, { protocol: "4" }],
];

describe("a rule is added, told, and removed", () => {
  for (const [name, fields, expected] of cases) {
    test(name, () => {
      using netns = new ScratchNetns("rule");
      using socket = netns.socket();
      const rule: NewRule = { family: 2, priority, ...fields };
      const before = listRules(socket).length;
      socket.run([addRule(rule)]);
      expect(shown(netns, rule.family)).toMatchObject([{ protocol: "108", ...expected }]);
      const [told, ...more] = listRules(socket, { protocol: rule.protocol ?? 108 });
      expect(more).toEqual([]);
      expect(told).toMatchObject(rule);
      // What was told is enough to make the same again, and to find it.
      socket.run([removeRule(told!)]);
      expect(shown(netns, rule.family)).toEqual([]);
      socket.run([addRule(told!)]);
      expect(() => socket.run([addRule(rule)])).toThrow(`Cannot add rule ${priority}: `);
      socket.run([removeRule(rule), removeRule(rule)]);
      expect(shown(netns, rule.family)).toEqual([]);
      expect(listRules(socket)).toHaveLength(before);
    });
  }
});

test("a fresh namespace has the kernel's own rules, and a family can be asked for", () => {
  using netns = new ScratchNetns("rule");
  using socket = netns.socket();
  const brief = (family: number) =>
    listRules(socket, { family }).map(({ priority, table, action }) => [priority, table, action]);
  expect(brief(2)).toEqual([
    [0, 255, "lookup"],
    [32766, 254, "lookup"],
    [32767, 253, "lookup"],
  ]);
  expect(brief(10)).toEqual([
    [0, 255, "lookup"],
    [32766, 254, "lookup"],
  ]);
  expect(listRules(socket)).toHaveLength(5);
});
