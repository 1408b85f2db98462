/** Values against schemas: each fault with its path and Kubernetes' reason. */
import { expect, test } from "bun:test";
import { atPath } from "./json.ts";
import { networkKind } from "./kinds/network.ts";
import { portKind } from "./kinds/port.ts";
import { subnetKind } from "./kinds/subnet.ts";
import { any, integer, keyedList, list, map, object, type Schema, text } from "./schema.ts";
import { changedImmutables, overlong, validate } from "./validate.ts";

const small = object("x", {
  name: text("x", { required: true }),
  size: integer("x", { minimum: 1, maximum: 9 }),
  tags: list("x", text("x", { pattern: "[a-z]+" })),
  items: keyedList("x", ["id"], object("x", { id: text("x", { required: true }) })),
  pairs: list("x", object("x", { a: integer("x", { minimum: 0, maximum: 9 }) })),
  notes: map("x", text("x", { maxLength: 3 })),
  raw: any("x"),
});

const deep = JSON.parse("[".repeat(100) + "]".repeat(100));
const cases: readonly [string, Schema, unknown, faults: string[]][] = [
  ["what fits", small, { name: "a", size: 9, tags: ["a", "b"], notes: { x: "abc" }, raw: 1 }, []],
  ["null, which is as absent", small, { name: "a", size: null }, []],
  ["a missing field", small, {}, ["name FieldValueRequired"]],
  ["an empty required text", small, { name: "" }, ["name FieldValueRequired"]],
  ["no object", small, [], [" FieldValueTypeInvalid"]],
  ["text for a number", small, { name: "a", size: "1" }, ["size FieldValueTypeInvalid"]],
  ["a fraction", small, { name: "a", size: 1.5 }, ["size FieldValueTypeInvalid"]],
  ["too large a number", small, { name: "a", size: 10 }, ["size FieldValueInvalid"]],
  ["text against its pattern", small, { name: "a", tags: ["a1"] }, ["tags[0] FieldValueInvalid"]],
  [
    "one thing twice in a set",
    small,
    { name: "a", tags: ["a", "a"] },
    ["tags[1] FieldValueDuplicate"],
  ],
  [
    "one key twice",
    small,
    { name: "a", items: [{ id: "1" }, { id: "1" }] },
    ["items[1] FieldValueDuplicate"],
  ],
  ["equal items of a plain list", small, { name: "a", pairs: [{ a: 1 }, { a: 1 }] }, []],
  ["text too long", small, { name: "a", notes: { x: "abcd" } }, ["notes[x] FieldValueTooLong"]],
  ["too many", small, { name: "a", pairs: Array(1001).fill({}) }, ["pairs FieldValueTooMany"]],
  ["too deep", small, { name: "a", raw: deep }, ["raw FieldValueInvalid"]],
  [
    "a name of a prototype",
    small,
    JSON.parse('{"name":"a","notes":{"__proto__":"x"}}'),
    ["notes FieldValueInvalid"],
  ],
  ["a prototype's member for a field", object("x", { constructor: text("x") }), {}, []],
  ["no such type", networkKind.spec, { type: "x" }, ["type FieldValueNotSupported"]],
  [
    "no address",
    portKind.spec,
    { network: "b", fixedIps: [{ address: "x" }] },
    ["fixedIps[0].address FieldValueInvalid"],
  ],
  [
    "a selector without values",
    networkKind.spec,
    {
      type: "none",
      hosts: { matchExpressions: [{ key: "a", operator: "In" }] },
    },
    ["hosts.matchExpressions[0].values FieldValueRequired"],
  ],
];

for (const [name, schema, value, faults] of cases) {
  test(`validation of ${name}`, () => {
    const found = validate(schema, value, "");
    expect(found.map(({ path, reason }) => `${path} ${reason}`)).toEqual(faults);
  });
}

test("the path of a fault leads to the value at fault", () => {
  const value = { name: "a", items: [{ id: "1" }, { id: 5 }], notes: { "a.b/c": "long" } };
  const found = validate(small, value, "").map(({ path }) => atPath(value, path));
  expect(found).toEqual([5, "long"]);
});

test("what is immutable may neither change nor come nor go, and the rest may", () => {
  const changed = (old: object, value: object) =>
    changedImmutables(subnetKind.spec, old, value, "spec").map(({ path }) => path);
  const old = { network: "blue", cidr: "10.1.0.0/24", gateway: "10.1.0.1" };
  expect(changed(old, { ...old, reserved: ["10.1.0.9"] })).toEqual([]);
  expect(changed(old, { ...old, cidr: "10.2.0.0/24" })).toEqual(["spec.cidr"]);
  expect(changed(old, { ...old, gateway: undefined })).toEqual(["spec.gateway"]);
  expect(changed(old, { ...old, blockSize: 26 })).toEqual(["spec.blockSize"]);
});

test("an immutable field of a keyed item is compared with that of the same key", () => {
  const schema = keyedList(
    "x",
    ["id"],
    object("x", {
      id: text("x"),
      fixed: text("x", { immutable: true }),
    }),
  );
  const old = [
    { id: "a", fixed: "1" },
    { id: "b", fixed: "2" },
  ];
  expect(changedImmutables(schema, old, [old[1], old[0]], "list")).toEqual([]);
  const value = [
    { id: "b", fixed: "1" },
    { id: "c", fixed: "9" },
  ];
  expect(changedImmutables(schema, old, value, "list").map(({ path }) => path)).toEqual([
    "list[0].fixed",
  ]);
});

test("a list or map that is too long is found without a look at what is in it", () => {
  const trap = new Proxy(
    {},
    { ownKeys: () => expect.unreachable(), get: () => expect.unreachable() },
  );
  const many = Array.from({ length: 1001 }, () => trap);
  const found = (value: object) =>
    overlong(small, value, "").map(({ path, reason }) => `${path} ${reason}`);
  expect(found({ items: many })).toEqual(["items FieldValueTooMany"]);
  expect(found({ pairs: [{}], notes: { ...many } })).toEqual(["notes FieldValueTooMany"]);
  expect(found({ items: many.slice(1).map(() => ({ id: "x" })), raw: many })).toEqual([]);
});
