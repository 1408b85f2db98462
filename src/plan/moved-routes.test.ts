/** What the link's routes will be, and that moves are made without a detour. */
import { expect, test } from "bun:test";
import type { AddressObject, KernelObject, RouteObject } from "../model/kernel-object.ts";
import { routesOn, withoutDetours } from "./moved-routes.ts";

const place = { netns: "/n", scope: "att:1", life: "exclusive", link: "eth0" } as const;
const address = (text: string): AddressObject => ({ ...place, kind: "address", address: text });
const route = (more: Partial<RouteObject>): RouteObject => ({
  ...place,
  kind: "route",
  dst: "0.0.0.0/0",
  ...more,
});

test("the link's routes are those that are made and the kernel's own", () => {
  const objects: KernelObject[] = [
    address("10.1.0.5/24"),
    address("10.1.0.6/24"),
    address("fd00::5/64"),
    { ...address("10.2.0.5/24"), prefixRoute: false },
    address("10.3.0.5/32"),
    { ...address("10.4.0.5/24"), link: "eth1" },
    route({ gateway: "10.1.0.1" }),
    route({ dst: "192.0.2.0/24", table: 7 }),
  ];
  expect(routesOn(objects, place)).toEqual([
    { dst: "10.1.0.0/24", source: "10.1.0.5", scopeId: 253, protocol: 2 },
    { dst: "fd00::/64", priority: 256, protocol: 2 },
    { dst: "0.0.0.0/0", gateway: "10.1.0.1" },
    { dst: "fe80::/64", priority: 256, protocol: 2 },
  ]);
});

test("without moves nothing changes", () => {
  const objects = [address("10.1.0.5/24"), route({ gateway: "10.1.0.1" })];
  expect(withoutDetours(objects)).toEqual(objects);
});

test("a moved route is made where it ends, whoever would have made it before", () => {
  const objects = [
    address("10.1.0.5/24"),
    address("10.9.0.5/24"),
    route({ gateway: "10.1.0.1" }),
    route({ dst: "192.0.2.0/24" }),
    route({ gateway: "10.1.0.1", table: 100, movedFrom: 254 }),
    route({ dst: "10.1.0.0/24", table: 100, movedFrom: 254 }),
  ];
  expect(withoutDetours(objects)).toEqual([
    { ...address("10.1.0.5/24"), prefixRoute: false },
    address("10.9.0.5/24"),
    route({ dst: "192.0.2.0/24" }),
    route({ gateway: "10.1.0.1", table: 100 }),
    route({ dst: "10.1.0.0/24", table: 100 }),
  ]);
});
