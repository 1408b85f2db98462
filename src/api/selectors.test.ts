/** Label selectors and field selectors: what they read, what they select, what they refuse. */
import { expect, test } from "bun:test";
import { matchesFields, parseFieldSelector } from "./field-selectors.ts";
import { portKind } from "./kinds/port.ts";
import { matchesLabels, parseLabelSelector, selects } from "./selectors.ts";
import { ApiError } from "./status-error.ts";

const labels = { app: "web", tier: "front", "example.com/zone": "a", empty: "" };
const queries: readonly [string, boolean][] = [
  ["", true],
  ["app=web", true],
  ["app==web,tier=front", true],
  ["app = web , tier=back", false],
  ["app!=db", true],
  ["other!=x", true],
  ["app in (web, db)", true],
  ["app in(db)", false],
  ["app notin (db)", true],
  ["other notin (x,y)", true],
  ["app", true],
  ["!app", false],
  ["! other", true],
  ["example.com/zone=a", true],
  ["empty=", true],
  ["constructor", false],
  ["app in (web,db),tier notin (back),!other", true],
];

for (const [query, selected] of queries) {
  test(`the label selector ${JSON.stringify(query)} ${selected ? "selects" : "does not"}`, () => {
    expect(matchesLabels(parseLabelSelector(query), labels)).toBe(selected);
  });
}

for (const query of ["a=b=c", "a in b", "a in (b", ",", "a=b,", "-a=b", "a=b c", "x/y/z", "a>1"]) {
  test(`the label selector ${JSON.stringify(query)} is refused`, () => {
    expect(() => parseLabelSelector(query)).toThrow(/^unable to parse requirement: /);
  });
}

test("an object's selector: empty selects all, absent none, all requirements must hold", () => {
  const In = "In" as const;
  expect(selects({}, undefined)).toBe(true);
  expect(selects(undefined, labels)).toBe(false);
  expect(selects({ matchLabels: { app: "web" } }, labels)).toBe(true);
  expect(selects({ matchLabels: { app: "web", other: "x" } }, labels)).toBe(false);
  const expression = { key: "tier", operator: In, values: ["front"] };
  expect(selects({ matchExpressions: [expression] }, labels)).toBe(true);
  expect(selects({ matchExpressions: [expression] }, undefined)).toBe(false);
});

const port = { metadata: { name: "p", namespace: "a" }, spec: { network: "b/blue", type: "vm" } };
const fields: readonly [string, boolean][] = [
  ["", true],
  ["metadata.name=p", true],
  ["metadata.name==p,metadata.namespace!=b", true],
  ["spec.network=b/blue,spec.type!=vm", false],
  ["spec.host=", true],
  ["spec.host!=", false],
  ["spec.network=b\\,c", false],
];

for (const [query, selected] of fields) {
  test(`the field selector ${JSON.stringify(query)} ${selected ? "selects" : "does not"}`, () => {
    expect(matchesFields(parseFieldSelector(query, portKind), port)).toBe(selected);
  });
}

test("a field that the kind can't select by, and what is no selector, are bad requests", () => {
  const refused = (query: string) => {
    try {
      parseFieldSelector(query, portKind);
    } catch (error) {
      if (error instanceof ApiError) return error.status;
    }
    throw new Error(`"${query}" is not refused`);
  };
  expect(refused("spec.mac=x")).toMatchObject({
    code: 400,
    message: "field label not supported: spec.mac",
  });
  expect(refused("metadata.name").code).toBe(400);
  expect(refused("metadata.name=a=b").code).toBe(400);
});
