/** Work that is done again and again. */
import { expect, jest, test } from "bun:test";
import { Ticker } from "./ticker.ts";

test("work that fails is told of and done again, after a while and when nudged", async () => {
  const told: unknown[] = [];
  let tries = 0;
  const work = async () => {
    tries++;
    throw new Error(`try ${tries}`);
  };
  const ticker = new Ticker(work, (error) => told.push(String(error)));
  jest.useFakeTimers();
  try {
    ticker.start();
    await turn();
    ticker.nudge();
    await turn();
    expect(told).toEqual(["Error: try 1", "Error: try 2"]);
    jest.advanceTimersByTime(1_000);
    await turn();
    expect(told).toHaveLength(3);
    await ticker.stop();
    jest.advanceTimersByTime(10_000);
    expect(tries).toBe(3);
  } finally {
    jest.useRealTimers();
  }
});

async function turn(): Promise<void> {
  for (let left = 10; left > 0; left--) await Promise.resolve();
}
