/** Each part knows its routes by their metric. */
import { expect, test } from "bun:test";
import { routeMetric } from "./route-metric.ts";

test("no two parts have routes of one metric, and what leads somewhere goes before", () => {
  const { tunnel, tunnelHeld, routed, learnt, fallback, ...others } = routeMetric;
  expect(others).toEqual({});
  const inOrder = [routed, learnt, tunnel, tunnelHeld, fallback];
  expect(inOrder).toEqual([...new Set(inOrder)].sort());
});
