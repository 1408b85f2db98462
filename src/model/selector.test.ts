/** What a selector selects. */
import { expect, test } from "bun:test";
import { type Labels, type Selector, selects } from "./selector.ts";

const labels: Labels = { app: "shop", tier: "web" };
const table: [string, Selector, boolean][] = [
  ["an empty one selects everything", {}, true],
  ["an equal label is selected", { matchLabels: { app: "shop" } }, true],
  ["a label of another value is not", { matchLabels: { app: "bank" } }, false],
  ["all labels must be equal", { matchLabels: { app: "shop", tier: "db" } }, false],
  ["what every object has by birth is no label", { matchLabels: { constructor: "x" } }, false],
  ["In", { matchExpressions: [{ key: "tier", operator: "In", values: ["db", "web"] }] }, true],
  [
    "In without the label",
    { matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] },
    false,
  ],
  ["NotIn", { matchExpressions: [{ key: "tier", operator: "NotIn", values: ["web"] }] }, false],
  [
    "NotIn without the label",
    { matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] },
    true,
  ],
  ["Exists", { matchExpressions: [{ key: "tier", operator: "Exists" }] }, true],
  [
    "Exists without the label",
    { matchExpressions: [{ key: "toString", operator: "Exists" }] },
    false,
  ],
  ["DoesNotExist", { matchExpressions: [{ key: "a", operator: "DoesNotExist" }] }, true],
  [
    "labels and terms must both hold",
    { matchLabels: { app: "shop" }, matchExpressions: [{ key: "app", operator: "DoesNotExist" }] },
    false,
  ],
];

test.each(table)("%s", (_name, selector, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});
