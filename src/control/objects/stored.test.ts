/** Objects as texts of the store. */
import { expect, test } from "bun:test";
import type { ApiObject } from "../../api/object.ts";
import { decodeEntry, encode, textOf } from "./stored.ts";

const object = (metadata: object, rest: object = {}) =>
  ({ apiVersion: "netloom.dev/v1alpha1", kind: "Port", metadata, spec: {}, ...rest }) as ApiObject;

const values: [string, string][] = [
  ["an object", encode(object({ name: "a", namespace: "b", resourceVersion: "1" }))],
  ["one with nothing but a name", encode(object({ name: "a" }))],
  ["one whose name is not first", encode(object({ labels: { name: "x" }, name: "a" }))],
  ["one with a name that needs care", encode(object({ name: 'a"metadata":{\\' }))],
  ["one with another order", JSON.stringify({ metadata: { name: "a" }, kind: "Port" })],
];

test.each(values)("the JSON of %s is the same read or not", (_, value) => {
  const entry = { key: "k", value, revision: 7 };
  expect(JSON.parse(textOf(entry))).toEqual(decodeEntry(entry));
});
