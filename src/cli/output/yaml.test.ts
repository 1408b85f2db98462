/** Tests YAML: what is written is read back, and reads well. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { yaml } from "./yaml.ts";

describe("YAML", () => {
  test("is written as people write it", () => {
    const network = {
      apiVersion: "netloom.dev/v1alpha1",
      kind: "Network",
      metadata: { name: "web", labels: {}, creationTimestamp: "2026-01-01T00:00:00Z" },
      spec: {
        mtu: 1500,
        masquerade: true,
        parent: undefined,
        pools: [{ start: "10.0.0.5", end: "10.0.0.9" }],
        mac: "02:00:00:00:00:01",
        cidr: "10.0.0.0/24",
        reserved: ["10.0.0.7", "fd00::1"],
        nested: [["a", ["b"]], []],
      },
      text: { note: "one\ntwo\n", answer: "yes", version: "1.20", empty: "", none: null },
    };
    expect(yaml(network)).toBe(`apiVersion: netloom.dev/v1alpha1
kind: Network
metadata:
  name: web
  labels: {}
  creationTimestamp: "2026-01-01T00:00:00Z"
spec:
  mtu: 1500
  masquerade: true
  pools:
  - start: 10.0.0.5
    end: 10.0.0.9
  mac: "02:00:00:00:00:01"
  cidr: 10.0.0.0/24
  reserved:
  - 10.0.0.7
  - fd00::1
  nested:
  - - a
    - - b
  - []
text:
  note: |
    one
    two
  answer: "yes"
  version: "1.20"
  empty: ""
  none: null
`);
  });

  test.each([
    [{}, "{}\n"],
    [[], "[]\n"],
    ["x", "x\n"],
    [["a"], "- a\n"],
    [null, "null\n"],
  ])("writes %j", (value, text) => expect(yaml(value)).toBe(text));

  const odd = fc.constantFrom(
    "a: b",
    "a #b",
    "- a",
    "? a",
    "& a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a",
    "{a",
    "[a",
    "'a",
    '"a',
    "|",
    ">",
    "12:30",
    "0x1f",
    "1_000",
    ".5",
    "+1",
    "~",
    "<<",
    "NO",
    "a\n b\n",
    "a\n\n",
    "\n",
    "a\nb",
    "tab\tx",
    "é\u2028",
    "a:",
    "---",
    "...",
    "1e3",
    "a \nb\n",
    " a\nb",
    "#a\nb\n",
    "a\n\n\nb\n\n\n",
  );
  const text = fc.oneof(
    fc.string(),
    odd,
    fc.string({ unit: fc.constantFrom("\n", " ", "a", "-", ":", "#") }),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(
        // Bun.YAML takes "<<" for a merge even in quotes.
        text.filter((name) => name !== "__proto__" && name !== "<<"),
        tie("any"),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).any;

  test("is read back as it was", () => {
    fc.assert(
      fc.property(value, (written) => {
        expect(Bun.YAML.parse(yaml({ written }))).toEqual({ written });
      }),
      { numRuns: 500 },
    );
  });
});
