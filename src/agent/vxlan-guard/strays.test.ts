/** When an address that no host has is to go. */
import { expect, test } from "bun:test";
import { Strays } from "./strays.ts";

test("after five minutes, counted anew when a host had it between", () => {
  const strays = new Strays();
  const minute = 60_000;
  const [a, b] = ["198.18.0.1", "2001:db8::2"];
  expect(strays.due([a], 0)).toEqual([]);
  expect(strays.due([a, b], 4 * minute)).toEqual([]);
  expect(strays.due([a, b], 5 * minute)).toEqual([a]);
  expect(strays.due([], 6 * minute)).toEqual([]);
  expect(strays.due([b], 9 * minute)).toEqual([]);
  expect(strays.due([b], 14 * minute)).toEqual([b]);
});
