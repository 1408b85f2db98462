/** Numbers in queries. */
import { expect, test } from "bun:test";
import { numberOf } from "./query.ts";

const read = (text: string) => numberOf(new URLSearchParams({ n: text }), "n");

test.each([
  ["", undefined],
  ["0", 0],
  ["500", 500],
  // A revision after `netloom store restore`.
  ["1795769463742008", 1795769463742008],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
])("%p is a number", (text, expected) => expect(read(text)).toBe(expected));

test.each(["-1", "1.5", "1e3", "x", " 1", "9007199254740992", "99999999999999999"])(
  "%p is refused",
  (text) => expect(() => read(text)).toThrow(`n: Invalid value: "${text}": must be a number`),
);
