/** How deep texts nest. */
import { expect, test } from "bun:test";
import { nestsDeeper } from "./nesting.ts";

const nested = (levels: number, inner = "") => "[".repeat(levels) + inner + "]".repeat(levels);
const texts: [string, number, boolean][] = [
  ["", 0, false],
  [nested(3), 3, false],
  [nested(3), 2, true],
  ["[".repeat(1_000_000), 64, true],
  ['{"a": {"b": []}, "c": {"d": []}}', 3, false],
  ['{"a": {"b": []}}', 2, true],
  [nested(1, '"[[[["'), 1, false],
  [nested(1, '"\\"[[[["'), 1, false],
  [nested(1, '"\\\\",[2]'), 1, true],
  [nested(1, '"\\\\",[2]'), 2, false],
];
test.each(texts)("%p nests deeper than %i: %p", (text, depth, expected) => {
  expect(nestsDeeper(text, depth)).toBe(expected);
});
