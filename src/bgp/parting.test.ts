/** Policies by which a peer hears that a prefix is no more for it. */
import { expect, test } from "bun:test";
import { marked, partingPolicies } from "./parting.ts";
import { ownPath } from "./paths.ts";
import { policiesOf } from "./policies.ts";

test("a peer is told its former prefixes only where they bear no mark, before all else", () => {
  const base = { neighbors: ["198.51.100.2"], prefixes: [{ cidr: "10.1.0.0/16" }] };
  const policies = policiesOf([{ ...base, name: "rack", direction: "export" }]);
  const parted = new Map([["2001:db8::2", ["10.1.0.0/26", "fd00::/64"]]]);
  const { definedSets, policies: all } = partingPolicies({ policies }, parted);
  const [, out] = all;
  expect(out!.statements!.map(({ name }) => name)).toEqual([
    ...["parting-0-ipv4", "parting-0-ipv6", "export-rack-ipv4"],
  ]);
  expect(out!.statements![0]!.conditions).toMatchObject({
    communitySet: { type: "invert", name: "parting" },
  });
  expect(definedSets.find(({ name }) => name === "parting-0-ipv4")?.prefixes).toEqual([
    { prefix: "10.1.0.0/26", least: 26, most: 26 },
  ]);
  expect(definedSets.find(({ name }) => name === "parting-0-ipv4-neighbor")?.list).toEqual([
    "2001:db8::2/128",
  ]);
  // What is believed stays as it is.
  expect(all[0]).toEqual(policies.policies[0]!);
});

test("a path that bears the mark is another one for the same prefix", () => {
  const path = ownPath("10.1.0.0/26", "0.0.0.0");
  expect(marked(path).nlri).toEqual(path.nlri!);
  expect(marked(path).attributes!.length).toBe(path.attributes!.length + 1);
});
