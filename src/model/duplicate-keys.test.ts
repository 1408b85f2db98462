/** Which JSON texts say a thing twice. */
import { expect, test } from "bun:test";
import { duplicateKey } from "./duplicate-keys.ts";

const cases: [string, string, string | undefined][] = [
  ["nothing twice", '{"sysctl": {"a": "1", "b": "1"}}', undefined],
  ["a key twice", '{"sysctl": {"a": "1", "b": "2", "a": "1"}}', "a"],
  ["a key twice, once escaped", '{"sysctl": {"a": "1", "\\u0061": "2"}}', "a"],
  ["a key in two sections", '{"sysctl": {"a": "1"}, "SysCtl": {"a": "2"}}', undefined],
  ["a key twice in a deeper section", '{"x": [{"SysCtl": {"a": "1", "a": "2"}}]}', "a"],
  ["a value like a key", '{"sysctl": {"a": "b", "b": "a"}}', undefined],
  ["a key twice elsewhere", '{"ipam": {"a": 1, "a": 2}, "sysctl": {}}', undefined],
  ["a key twice, deeper", '{"sysctl": {"a": {"b": 1}, "c": {"b": 1}}}', undefined],
  ["brackets in text", '{"x": "{[\\"", "sysctl": {"a": "}", "b": "1", "b": ""}}', "b"],
  ["a list of that name", '{"sysctl": [{"a": 1}, {"a": 1}]}', undefined],
];
test.each(cases)("in a text with %s", (_, json, key) => {
  expect(duplicateKey(json, "sysctl")).toBe(key);
});
