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

test("gentle work that many nudges ask for is done few times, and once after the last", async () => {
  let [works, asked, heeded] = [0, 0, 0];
  const work = async () => {
    works++;
    heeded = asked;
    Bun.sleepSync(5);
    return 60_000;
  };
  const fail = (error: unknown) => {
    throw error;
  };
  const ticker = new Ticker(work, fail, { isGentle: true });
  ticker.start();
  for (let i = 0; i < 500; i++) {
    asked++;
    ticker.nudge();
    await turn();
  }
  while (heeded < asked) await Bun.sleep(1);
  expect(works).toBeLessThan(100);
  await ticker.stop();
});

async function turn(): Promise<void> {
  for (let left = 10; left > 0; left--) await Promise.resolve();
}
