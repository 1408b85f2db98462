/** Keys: what comes after a prefix, in the order of bytes. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { afterPrefix, compareKeys } from "./keys.ts";

const cases: [prefix: string, after: string | undefined][] = [
  ["a", "b"],
  ["a/", "a0"],
  ["\u{10ffff}", undefined],
  ["a\u{10ffff}\u{10ffff}", "b"],
  ["\ud7ff", "\ue000"],
  ["", undefined],
];
test.each(cases)("after all that begin with %j comes %j", (prefix, after) => {
  expect(afterPrefix(prefix)).toBe(after);
});

const text = fc.string({ unit: "binary", maxLength: 4 });

test("a key lies in a prefix's range exactly if it begins with it", () => {
  fc.assert(
    fc.property(text, text, fc.boolean(), (prefix, other, joined) => {
      const key = joined ? prefix + other : other;
      const end = afterPrefix(prefix);
      const isIn =
        compareKeys(key, prefix) >= 0 && (end === undefined || compareKeys(key, end) < 0);
      expect(isIn).toBe(key.startsWith(prefix));
    }),
  );
});
