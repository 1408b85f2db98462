/** Who is served by which part of a subnet. */
import { describe, expect, test } from "bun:test";
import { parseIp } from "../lib/ip.ts";
import { formatRange, ipRange } from "../lib/range.ts";
import { type Pool, type PoolUser, rangesFor, wishesFor } from "./pool.ts";

const range = (first: number, last: number) =>
  ipRange(parseIp(`10.1.0.${first}`), parseIp(`10.1.0.${last}`));
const all = [range(1, 254)];
const fits = (app: string) => ({ matchLabels: { app } });

const web: Pool = { ranges: [range(0, 19)], labelSelector: fits("web") };
const racks: Pool = { ranges: [range(40, 49)], hostSelector: fits("rack") };
const shop: Pool = {
  ranges: [range(60, 69)],
  tenantSelector: fits("shop"),
  namespaceSelector: fits("front"),
};
const pools = [web, racks, shop];
const whole: Pool = { labelSelector: fits("db") };
const rest = ["10.1.0.20-10.1.0.39", "10.1.0.50-10.1.0.59", "10.1.0.70-10.1.0.254"];

test("a pool without ranges is the whole subnet, for those whom it serves alone", () => {
  const own = rangesFor({ port: { app: "db" } }, all, [whole]);
  expect(own.map(formatRange)).toEqual(["10.1.0.1-10.1.0.254"]);
  expect(rangesFor({ port: { app: "web" } }, all, [whole])).toEqual([]);
});

describe("an address comes", () => {
  const table: [string, PoolUser, string[]][] = [
    ["from what no pool keeps, for who is in none", {}, rest],
    ["from the pool for its port's labels", { port: { app: "web" } }, ["10.1.0.1-10.1.0.19"]],
    ["from the pool for its host's labels", { host: { app: "rack" } }, ["10.1.0.40-10.1.0.49"]],
    ["from no pool for a host, without a host", { port: { app: "rack" } }, rest],
    ["from no pool of which only one selector fits", { tenant: { app: "shop" } }, rest],
    [
      "from the pool of which all selectors fit",
      { tenant: { app: "shop" }, namespace: { app: "front" } },
      ["10.1.0.60-10.1.0.69"],
    ],
    [
      "from all pools that serve it",
      { port: { app: "web" }, host: { app: "rack" } },
      ["10.1.0.1-10.1.0.19", "10.1.0.40-10.1.0.49"],
    ],
  ];
  test.each(table)("%s", (_name, user, expected) => {
    expect(rangesFor(user, all, pools).map(formatRange)).toEqual(expected);
  });

  test("from everywhere, without pools", () => {
    expect(rangesFor({}, all, [])).toEqual(all);
  });

  test("from every pool's part, with a pool without selectors", () => {
    expect(rangesFor({}, all, [{ ranges: [range(9, 9)] }]).map(formatRange)).toEqual([
      "10.1.0.9-10.1.0.9",
    ]);
  });
});

describe("an address may be asked for", () => {
  const some: readonly Pool[] = [web, { ...racks, ranges: [range(10, 29)] }];
  const table: [string, PoolUser, readonly Pool[], string[]][] = [
    ["that no pool keeps for others", {}, some, ["10.1.0.30-10.1.0.254"]],
    [
      "of one's own pool, also where others have it too",
      { port: { app: "web" } },
      some,
      ["10.1.0.1-10.1.0.19", "10.1.0.30-10.1.0.254"],
    ],
    ["that is in no pool, in a subnet without", {}, [], ["10.1.0.1-10.1.0.254"]],
    ["by nobody but whom a pool without ranges serves", {}, [whole], []],
    [
      "by whom a pool without ranges serves",
      { port: { app: "db" } },
      [whole],
      ["10.1.0.1-10.1.0.254"],
    ],
  ];
  test.each(table)("%s", (_name, user, given, expected) => {
    expect(wishesFor(user, all, given).map(formatRange)).toEqual(expected);
  });
});
