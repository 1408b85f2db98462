/** JSON Patch, by the cases of RFC 6902's appendix. */
import { expect, test } from "bun:test";
import { applyJsonPatch, readJsonPatch } from "./json-patch.ts";

/** [what, value, patch, outcome] */
const cases: [string, unknown, unknown[], unknown][] = [
  ["adds a member", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["adds an item", { l: [1, 3] }, [{ op: "add", path: "/l/1", value: 2 }], { l: [1, 2, 3] }],
  ["appends", { l: [1] }, [{ op: "add", path: "/l/-", value: 2 }], { l: [1, 2] }],
  ["removes a member", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["removes an item", { l: [1, 2] }, [{ op: "remove", path: "/l/0" }], { l: [2] }],
  ["replaces", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: 2 }], { a: { b: 2 } }],
  ["moves", { a: 1 }, [{ op: "move", from: "/a", path: "/b" }], { b: 1 }],
  ["copies", { a: 1 }, [{ op: "copy", from: "/a", path: "/b" }], { a: 1, b: 1 }],
  ["tests", { a: [1] }, [{ op: "test", path: "/a", value: [1] }], { a: [1] }],
  ["reads escapes", { "a/b~": 1 }, [{ op: "remove", path: "/a~1b~0" }], {}],
];

for (const [what, value, patch, outcome] of cases) {
  test(`a JSON patch ${what}`, () => {
    const before = JSON.stringify(value);
    expect(applyJsonPatch(value, readJsonPatch(patch))).toEqual(outcome);
    expect(JSON.stringify(value)).toBe(before);
  });
}

/** [what, patch, words] */
const refusals: [string, unknown, string][] = [
  ["is no list", {}, "a list of operations"],
  ["has an unknown operation", [{ op: "x", path: "/a" }], 'no known "op"'],
  ["has no value", [{ op: "add", path: "/a" }], 'no "value"'],
  ["has a bad path", [{ op: "remove", path: "a" }], "no JSON pointer"],
  ["removes nothing", [{ op: "remove", path: "/x" }], "no such value"],
  ["goes beyond a list", [{ op: "add", path: "/l/5", value: 1 }], "no such item"],
  ["goes to a prototype", [{ op: "add", path: "/constructor/x", value: 1 }], "no such value"],
  ["tests another value", [{ op: "test", path: "/a", value: 2 }], "is another"],
];

for (const [what, patch, words] of refusals) {
  test(`a JSON patch is refused that ${what}`, () => {
    expect(() => applyJsonPatch({ a: 1, l: [] }, readJsonPatch(patch))).toThrow(words);
  });
}
