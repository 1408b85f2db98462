/** Quantiles and medians against values counted by hand. */
import { expect, test } from "bun:test";
import { median, quantile } from "./statistics.ts";

test("a quantile is the value of the nearest rank, whatever the order", () => {
  const series = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(series, 0.99)).toBe(99);
  expect(quantile(series, 0)).toBe(1);
  expect(quantile(series, 1)).toBe(100);
  expect(median([3, 1, 2])).toBe(2);
});

test("no measurements have no median", () => {
  expect(median([])).toBeNaN();
});
