/** What a host may report of its block, and what it may not. */
import { expect, test } from "bun:test";
import { checkAllocation } from "./allocation-check.ts";

const good = {
  ...{ block: "b", subnet: { namespace: "a", name: "s" }, cidr: "10.1.0.0/26", lease: "x" },
  ...{ stage: "giving", boot: "", revision: 0, sequence: 1, refused: { claim: "taken" } },
  held: { "10.1.0.5": { owner: "c/eth0", identity: "a/db", stickyForMs: 1 } },
  rested: { "10.1.0.6": { since: 0 } },
};
const faults = (allocation: unknown) =>
  checkAllocation({ spec: { cidr: "10.1.0.0/26" }, status: { allocation } }).map(
    ({ path }) => path,
  );

test("an allocation, and none yet, are right", () => {
  expect(faults(good)).toEqual([]);
  expect(faults(undefined)).toEqual([]);
});

const wrong: [what: string, allocation: unknown, path: string][] = [
  ["no object", 5, "status.allocation"],
  ["nothing", null, "status.allocation"],
  ["no holders", { ...good, held: undefined }, "status.allocation.held"],
  ["holders that are none", { ...good, held: null }, "status.allocation.held"],
  ["an unknown stage", { ...good, stage: "mine" }, "status.allocation.stage"],
  ["a negative count", { ...good, sequence: -1 }, "status.allocation.sequence"],
  ["another's addresses", { ...good, cidr: "10.1.0.64/26" }, "status.allocation.cidr"],
  [
    "an address beyond the block",
    { ...good, held: { "10.1.0.64": { owner: "c" } } },
    "status.allocation.held[10.1.0.64]",
  ],
  ["what is no address", { ...good, rested: { x: { since: 0 } } }, "status.allocation.rested[x]"],
  [
    "a holder that is nobody",
    { ...good, held: { "10.1.0.5": {} } },
    "status.allocation.held[10.1.0.5].owner",
  ],
];
for (const [what, allocation, path] of wrong) {
  test(`${what} is refused`, () => expect(faults(allocation)).toEqual([path]));
}
