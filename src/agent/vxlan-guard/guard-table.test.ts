/** What the rules of the guard are, for however many segments. */
import { expect, test } from "bun:test";
import { vxlanGuard } from "./guard-table.ts";

const rulesOf = (segments: Parameters<typeof vxlanGuard>[1]) =>
  vxlanGuard("node", segments).chains.flatMap(({ rules }) => rules);

test("rules are as many for a thousand segments as for one", () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({ port: 4789, vni: 4096 + i }));
  expect(rulesOf(many)).toHaveLength(rulesOf([{ port: 4789, vni: 1 }]).length);
});

test("a table is the same in whichever order its segments are told, and however often", () => {
  const [a, b] = [
    { port: 4789, vni: 5 },
    { port: 8472, vni: 4 },
  ];
  expect(vxlanGuard("node", [a, b])).toEqual(vxlanGuard("node", [b, a, b]));
});

test("without segments nothing drops that a packet comes to", () => {
  const chains = vxlanGuard("node", []).chains.filter(({ hook }) => hook);
  expect(chains.map(({ rules }) => rules)).toEqual([[], []]);
});
