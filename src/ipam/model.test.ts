/** Blocks among crashes, partitions and lost messages: no address is ever given twice. */
import { expect, test } from "bun:test";
import { Simulation, type Tally } from "../../test/ipam/simulation/simulation.ts";

/** `NETLOOM_SEED` repeats a run; `NETLOOM_OPERATIONS` makes it longer. */
const firstSeed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
const operations = Number(process.env.NETLOOM_OPERATIONS ?? 20_000);
const operationsEach = 2_000;

test("nothing is given twice or lost among faults, and wishes are met after them", () => {
  const sum: Tally = { operations: 0, given: 0, sticky: 0 };
  for (let seed = firstSeed; sum.operations < operations; seed++) {
    const tally = run(seed);
    for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += tally[key];
  }
  // What does nothing finds nothing.
  expect(sum.given).toBeGreaterThan(operations / 100);
  expect(sum.sticky).toBeGreaterThan(0);
  if (process.env.NETLOOM_OPERATIONS) console.log(JSON.stringify({ firstSeed, ...sum }));
}, 1_800_000);

function run(seed: number): Tally {
  try {
    return new Simulation(seed).run(operationsEach);
  } catch (cause) {
    throw new Error(`With NETLOOM_SEED=${seed}: ${(cause as Error).message}`, { cause });
  }
}
