/** Tests which tables an instance has. */
import { expect, test } from "bun:test";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { plainPort } from "./driver-fixture.ts";
import { inTablesOf, skeletonOf } from "./instance-tables.ts";
import { linkGuardObjects } from "./link-guard.ts";
import { masqueradeObjects } from "./masquerade.ts";
import { skeleton } from "./skeleton.ts";

const route: KernelObject = {
  ...{ kind: "route", netns: hostNetns, scope: "att:1", life: "exclusive" },
  ...{ dst: "10.1.0.0/24", link: "eth0", table: 100 },
};

const objects = [
  ...masqueradeObjects(plainPort),
  ...linkGuardObjects(plainPort, { raGuard: true, acceptRa: false }, plainPort.mac),
  route,
];

const tables = (of: readonly KernelObject[]) => [
  ...new Set(of.flatMap((object) => ("table" in object ? [object.table] : []))),
];

test("in-process plugins have the tables that drivers speak of", () => {
  expect(inTablesOf("cni", objects)).toBe(objects);
  expect(skeletonOf("cni", "nl")).toBe(skeleton);
});

test("another instance has everything of nftables in tables of its own", () => {
  expect(tables(inTablesOf("blue1", objects))).toEqual([
    "netloom_blue1",
    "netloom_blue1_0123456789abcdef",
    100,
  ]);
  const text = JSON.stringify(skeletonOf("blue1", "nabc"));
  expect(text).not.toContain("cni");
  expect(text).not.toContain('\\"nl*');
  expect(text).toContain('iifname \\"nabc*\\"');
});
