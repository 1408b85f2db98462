/** When what networks leave is removed. */
import { expect, test } from "bun:test";
import { Cleaning } from "./cleaning.ts";

const ok = async () => true;
const failed = async () => false;

function counted() {
  const counts = { sweeps: 0 };
  const clean = (isDone: boolean) => async () => {
    counts.sweeps++;
    return isDone;
  };
  return { counts, clean };
}

test("there is a sweep after the first pass, and after one in which a network went", async () => {
  const cleaning = new Cleaning();
  const { counts, clean } = counted();
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(0);
  expect(await cleaning.after(ok)).toBe(true);
  await cleaning.sweep(clean(true));
  expect(await cleaning.after(ok)).toBe(false);
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(1);
  cleaning.want();
  expect(await cleaning.after(ok)).toBe(true);
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(2);
});

test("a network that goes in the middle of a pass or of a sweep is not forgotten", async () => {
  const cleaning = new Cleaning();
  await cleaning.after(async () => {
    cleaning.want();
    return true;
  });
  await cleaning.sweep(async () => {
    expect(await cleaning.after(ok)).toBe(true);
    return true;
  });
  const { counts, clean } = counted();
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(1);
});

test("there is another sweep after one that failed, and after the pass that follows a failure", async () => {
  const cleaning = new Cleaning();
  const { counts, clean } = counted();
  expect(await cleaning.after(failed)).toBe(true);
  await cleaning.sweep(clean(false));
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(2);
  // With the next period: each pass may fail.
  expect(await cleaning.after(ok)).toBe(false);
  await cleaning.sweep(clean(true));
  await cleaning.sweep(clean(true));
  expect(counts.sweeps).toBe(3);
});
