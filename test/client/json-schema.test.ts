/** The judge of values by schemas: what it finds, and that it passes over no keyword. */
import { expect, test } from "bun:test";
import { faultsOf } from "./json-schema.ts";

const port = {
  type: "object",
  required: ["number"],
  properties: { number: { type: "integer", minimum: 1, maximum: 9 }, name: { type: "string" } },
};
const components = { Port: port };
const reference = { $ref: "#/components/schemas/Port" };

const cases: readonly [name: string, value: unknown, schema: object, faults: readonly string[]][] =
  [
    ["what fits", { number: 5, name: "a" }, port, []],
    ["a wrong type", { number: "5" }, port, [".number is no integer"]],
    ["null", { number: null }, port, [".number is no integer"]],
    ["what is missing", {}, port, ["it lacks number"]],
    [
      "what is not in the document",
      { number: 1, other: 1 },
      port,
      [".other is not in the document"],
    ],
    ["a bound", { number: 10 }, port, [".number is above 9"]],
    ["what a reference leads to", { number: 0 }, reference, [".number is below 1"]],
    ["an item", [1, "b"], { type: "array", items: { type: "integer" } }, ["[1] is no integer"]],
    [
      "a map's value",
      { a: 1 },
      { type: "object", additionalProperties: { type: "string" } },
      [".a is no string"],
    ],
    ["an enum", "c", { type: "string", enum: ["a"] }, ["it is none of its enum"]],
    ["a pattern", "ab", { type: "string", pattern: "^a$" }, ["it does not match ^a$"]],
    ["a length", "abc", { type: "string", maxLength: 2 }, ["it has more than 2 characters"]],
    ["a format", "10.1.0.300", { type: "string", format: "ip" }, ["it is no ip"]],
    ["one of several", 1, { anyOf: [{ type: "string" }, { type: "integer" }] }, []],
    [
      "none of several",
      true,
      { anyOf: [{ type: "string" }, { type: "integer" }] },
      ["it is no string", "it is no integer"],
    ],
    [
      "each of several",
      "b",
      { allOf: [{ type: "string" }, { enum: ["a"] }] },
      ["it is none of its enum"],
    ],
  ];

for (const [name, value, schema, faults] of cases) {
  test(name, () => expect(faultsOf(value, schema, components)).toEqual([...faults]));
}

test.each([{ type: "number" }, { oneOf: [] }, { type: "string", format: "uri" }])(
  "%j is not passed over",
  (schema) => expect(() => faultsOf("a", schema)).toThrow("unknown"),
);

test("a reference that leads nowhere is an error", () => {
  expect(() => faultsOf({}, { $ref: "#/components/schemas/None" }, components)).toThrow("nowhere");
});
