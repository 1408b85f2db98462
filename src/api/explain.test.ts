/** Explanations, as kubectl lays them out. */
import { expect, test } from "bun:test";
import { explain, NoSuchFieldError } from "./explain.ts";
import { kinds } from "./kinds/index.ts";
import { networkKind } from "./kinds/network.ts";
import { subnetKind } from "./kinds/subnet.ts";

test("a list's item is told with its fields, required ones marked", () => {
  expect(explain(subnetKind, ["spec", "routes"])).toBe(
    `GROUP:      netloom.dev
KIND:       Subnet
VERSION:    v1alpha1

FIELD: routes <[]Object>

DESCRIPTION:
    Routes of ports, beside the default route.
    A route.

FIELDS:
  destination\t<string> -required-
    For which addresses.

  nextHop\t<string>
    The router; the subnet's gateway unless set.
`,
  );
});

test("a field tells its values, its default and that it can't change", () => {
  const type = explain(networkKind, ["spec", "type"]);
  expect(type).toContain("FIELD: type <string>\nenum: bridge, ptp, ");
  expect(type).toContain("can't change");
  expect(explain(networkKind, ["spec"])).toContain("  mtu\t<integer>\n  default: 0\n    Bytes; 0:");
});

test("recursive shows names and types of all that is below", () => {
  const text = explain(subnetKind, ["spec"], { recursive: true });
  expect(text).toContain("  dns\t<Object>\n    domain\t<string>\n    nameservers\t<[]string>\n");
  expect(explain(subnetKind, ["metadata", "labels"])).toContain("<map[string]string>");
});

test("a path that leads nowhere names what there is, a prototype's member too", () => {
  for (const [path, known] of [
    [["spec", "rotes"], "routes"],
    [["constructor"], "spec"],
  ] as const) {
    try {
      explain(subnetKind, path);
      throw new Error("It was explained");
    } catch (error) {
      if (!(error instanceof NoSuchFieldError)) throw error;
      expect(error.message).toBe(`field "${path.join(".")}" does not exist`);
      expect(error.known).toContain(known);
    }
  }
});

test("every kind can be explained, in lines that fit a terminal", () => {
  for (const kind of kinds) {
    for (const path of [[], ["spec"], ["status"], ["metadata"]]) {
      const lines = explain(kind, path).split("\n");
      expect(lines.length).toBeGreaterThan(5);
      const plain = lines.filter((line) => !line.startsWith("  enum:"));
      for (const line of plain) expect(line.length).toBeLessThanOrEqual(80);
    }
  }
});
