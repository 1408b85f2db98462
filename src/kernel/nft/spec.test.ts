/** The scripts that install tables and chains. */
import { expect, test } from "bun:test";
import type { NftTableSpec } from "../../model/nft.ts";
import { chainsScript, markedChain, markedChains, tableScript } from "./spec.ts";

const table: NftTableSpec = {
  family: "inet",
  name: "t",
  sets: [{ name: "s", key: ["ifname", "ether_addr"] }],
  maps: [
    { name: "m", key: ["ipv4_addr"], data: "verdict" },
    { name: "n", key: ["inet_service"], data: ["ipv4_addr", "inet_service"] },
  ],
  chains: [
    { name: "in", hook: { type: "nat", hook: "prerouting", priority: -110 }, rules: ["a", "b"] },
    { name: "side", rules: [] },
  ],
};
const nothing = { chains: [], mistyped: [] };

test("a table is added piece by piece, rules last and marked with their place", () => {
  const script = tableScript(table, nothing);
  const hash = /"netloom ([0-9a-f]+) 0"/.exec(script.join("\n"))?.[1];
  expect(script).toEqual([
    "add table inet t",
    "add set inet t s { type ifname . ether_addr; }",
    "add map inet t m { type ipv4_addr : verdict; }",
    "add map inet t n { type inet_service : ipv4_addr . inet_service; }",
    "add chain inet t in { type nat hook prerouting priority -110; policy accept; }",
    "add chain inet t side",
    "flush chain inet t in",
    "flush chain inet t side",
    `add rule inet t in a comment "netloom ${hash} 0"`,
    `add rule inet t in b comment "netloom ${hash} 1"`,
  ]);
});

test("what stands in the way is emptied before it is deleted", () => {
  const state = (name: string, hook?: "input") => ({
    name,
    handle: 1,
    use: 1,
    hook: hook && ({ type: "filter", hook, priority: 0 } as const),
  });
  const chains = [state("in", "input"), state("side"), state("old", "input"), state("net_1")];
  expect(tableScript(table, { chains, mistyped: ["s"] }).slice(0, 7)).toEqual([
    "add table inet t",
    "flush chain inet t in",
    "flush chain inet t side",
    "flush chain inet t old",
    "delete chain inet t in",
    "delete chain inet t old",
    "delete set inet t s",
  ]);
});

test("a rule's mark changes with any part of the specification", () => {
  const mark = (spec: NftTableSpec) => markedChains(spec)[0]!.rules[0]!.mark;
  const others: NftTableSpec[] = [
    { ...table, sets: [] },
    { ...table, maps: table.maps.slice(1) },
    { ...table, chains: table.chains.slice(0, 1) },
    { ...table, chains: [{ ...table.chains[0]!, rules: ["a"] }] },
  ];
  expect(new Set([table, ...others].map(mark)).size).toBe(5);
  expect(mark({ ...table })).toBe(mark(table));
});

test("a network's chain is marked by its rules alone, and a netdev hook names its link", () => {
  const chain = { kind: "nft-chain", family: "inet", table: "t", chain: "c" } as const;
  const [a, b] = [markedChain({ ...chain, rules: ["x"] }), markedChain({ ...chain, rules: ["y"] })];
  expect(a.rules[0]!.mark).not.toBe(b.rules[0]!.mark);
  const hook = { type: "filter", hook: "ingress", priority: 0, device: "eth0" } as const;
  expect(chainsScript("netdev t", [{ name: "c", hook, rules: [] }])[0]).toBe(
    'add chain netdev t c { type filter hook ingress device "eth0" priority 0; policy accept; }',
  );
});

test("a rule of two lines is refused, since it would be two commands", () => {
  const chains = [{ name: "c", rules: ["accept\nadd table inet evil"] }];
  expect(() => tableScript({ ...table, chains }, nothing)).toThrow(RangeError);
});
