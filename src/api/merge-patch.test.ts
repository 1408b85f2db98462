/** The examples of RFC 7386, appendix A, and what an attacker would send. */
import { expect, test } from "bun:test";
import { mergePatch, strategicPatch } from "./merge-patch.ts";

const cases: readonly [target: unknown, patch: unknown, result: unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [target, patch, result] of cases) {
  test(`${JSON.stringify(target)} patched by ${JSON.stringify(patch)}`, () => {
    expect(mergePatch(target, patch)).toEqual(result);
  });
}

test("a patch changes no prototype, and one that nests too deep is refused", () => {
  const result = mergePatch({}, JSON.parse('{"__proto__":{"x":1},"a":{"constructor":{"y":2}}}'));
  expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  expect(({} as any).x).toBeUndefined();
  expect((Object as any).y).toBeUndefined();
  const deep = JSON.parse(`${'{"a":'.repeat(100)}1${"}".repeat(100)}`);
  expect(() => mergePatch({}, deep)).toThrow("nests too deep");
});

test("a strategic merge patch without directives is a merge patch, others are refused", () => {
  const labels = { metadata: { labels: { a: null, b: "c" } } };
  expect(strategicPatch({ metadata: { labels: { a: "x" } } }, labels)).toEqual({
    metadata: { labels: { b: "c" } },
  });
  const ordered = { metadata: { "$setElementOrder/finalizers": ["a"], finalizers: ["a"] } };
  expect(() => strategicPatch({}, ordered)).toThrow('"$setElementOrder/finalizers"');
  expect(() => strategicPatch({}, { spec: [{ $patch: "delete" }] })).toThrow('"$patch"');
});
