/** Which rules and routes lead by source. */
import { expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import type { LinkRoute } from "../model/kernel-object.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import type { AttachedPort } from "./extra.ts";
import { sbr } from "./sbr.ts";

const linkRoutes: LinkRoute[] = [
  { dst: "10.1.0.0/24", source: "10.1.0.5", scopeId: 253, protocol: 2 },
  { dst: "0.0.0.0/0", gateway: "10.1.0.1", scopeId: 0, protocol: 3 },
  { dst: "192.0.2.0/24", gateway: "172.31.0.1", onlink: true },
  { dst: "fd00::/64", priority: 256, protocol: 2 },
  { dst: "fe80::/64", priority: 256, protocol: 2 },
];
const port: AttachedPort = {
  ...plainPort,
  ips: [{ address: "10.1.0.5/24", gateway: "10.1.0.1" }, { address: "fd00::5/64" }],
  via: {},
  linkRoutes,
};
const host = (...tables: number[]) => ({ ...plainHost, tablesInUse: () => new Set(tables) });

test("each address gets the next table that nothing uses", () => {
  const tables = (...taken: number[]) =>
    ofKind("rule", sbr.objects(port, {}, host(...taken))).map(({ src, table }) => [src, table]);
  expect(tables()).toEqual([
    ["10.1.0.5/32", 100],
    ["fd00::5/128", 101],
  ]);
  expect(tables(254, 100, 102).map(([, table]) => table)).toEqual([101, 103]);
});

test("a route stands in the tables of the addresses it serves, and leaves the main table once", () => {
  const routes = ofKind("route", sbr.objects(port, {}, host()));
  const told = routes.map((route) => [route.table, route.dst, route.gateway, route.movedFrom]);
  expect(told).toEqual([
    [100, "0.0.0.0/0", "10.1.0.1", 254],
    [100, "10.1.0.0/24", undefined, 254],
    // Its gateway is in nobody's prefix: better in its family's table than lost.
    [100, "192.0.2.0/24", "172.31.0.1", 254],
    [100, "fd00::/64", undefined, 254],
    [101, "fd00::/64", undefined, undefined],
    // Link-local addresses stay reachable without a source.
    [100, "fe80::/64", undefined, undefined],
    [101, "fe80::/64", undefined, undefined],
  ]);
});

test("a table of the user's gets rules, and no routes", () => {
  const objects = sbr.objects(port, { table: 500 }, host());
  expect(objects.map(({ kind }) => kind)).toEqual(["rule", "rule"]);
  expect(ofKind("rule", objects).map(({ table }) => table)).toEqual([500, 500]);
});

test("without addresses there is nothing to route by", () => {
  expect(() => sbr.objects({ ...port, ips: [] }, {}, host())).toThrow(ConfigError);
});

test.each([[0], [-1], ["500"], [1.5], [2 ** 32]])("refuses the table %j", (table) => {
  expect(() => sbr.parse({ table })).toThrow("table: must be a whole number from 1");
});
