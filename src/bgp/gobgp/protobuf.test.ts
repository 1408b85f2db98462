/** Protocol Buffers against bytes of the specification, and against themselves. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { bool, bytes, decode, encode, integer, list, nested, oneOf, text } from "./protobuf.ts";

const inner = { name: [1, text], numbers: [2, list(integer)] } as const;
const table = {
  count: [1, integer],
  flag: [2, bool],
  data: [3, bytes],
  color: [4, oneOf({ none: 0, red: 1, blue: 70_000 })],
  inner: [5, nested(inner)],
  all: [16, list(nested(inner))],
} as const;

const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const unhex = (data: string) => new Uint8Array(Buffer.from(data, "hex"));

test.each([
  ["a varint", { count: 150 }, "089601"],
  ["a text within a message", { inner: { name: "testing" } }, "2a090a0774657374696e67"],
  ["a negative number in ten bytes", { count: -1 }, "08ffffffffffffffffff01"],
  ["a field above 15 with a tag of two bytes", { all: [{}] }, "820100"],
  ["a name's number", { color: "blue" as const }, "20f0a204"],
])("writes and reads %s", (_, message, wire) => {
  expect(hex(encode(table, message))).toBe(wire);
  expect(decode(table, unhex(wire))).toEqual(
    "all" in message ? { all: [{}] } : (message as object),
  );
});

test("reads packed numbers, and single ones after them", () => {
  expect(decode(inner, unhex("1203019601100a")).numbers).toEqual([1, 150, 10]);
});

test("passes over fields and names that it does not know", () => {
  expect(decode(table, unhex("3207ffffffffffffff" + "3d01020304" + "0801" + "2063"))).toEqual({
    count: 1,
    color: "unknown",
  });
});

test.each([
  ["a length beyond the end", "1a05ff"],
  ["a number without an end", "0880"],
  ["a number of eleven bytes", `08${"ff".repeat(10)}01`],
  ["a wire type that there is not", "0b"],
  ["a number in place of a text", "2a020801"],
])("refuses %s", (_, wire) => {
  expect(() => decode(table, unhex(wire))).toThrow("");
});

test("what is written is read", () => {
  const innerMessage = fc.record({
    name: fc.string({ unit: "grapheme" }),
    numbers: fc.array(fc.maxSafeInteger(), { minLength: 1 }),
  });
  const message = fc.record({
    count: fc.maxSafeInteger(),
    flag: fc.boolean(),
    data: fc.uint8Array(),
    color: fc.constantFrom("none" as const, "red" as const, "blue" as const),
    inner: innerMessage,
    all: fc.array(innerMessage, { minLength: 1 }),
  });
  fc.assert(
    fc.property(message, (value) => {
      expect(decode(table, encode(table, value))).toEqual(value);
    }),
  );
});
