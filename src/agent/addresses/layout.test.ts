/** Subnets as ports are told of them. */
import { describe, expect, test } from "bun:test";
import type { Subnet } from "../../api/kinds/index.ts";
import { givenRanges } from "../../ipam/block.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { formatRange } from "../../lib/range.ts";
import { portDns, portIps, portRoutes } from "./layout.ts";

const subnet = (name: string, spec: Record<string, unknown>) =>
  ({ metadata: { namespace: "default", name }, spec: { network: "blue", ...spec } }) as Subnet;
const four = subnet("four", {
  cidr: "10.1.0.0/24",
  routes: [{ destination: "10.9.0.0/16" }, { destination: "10.8.0.0/16", nextHop: "10.1.0.9" }],
  dns: { nameservers: ["10.1.0.2"], domain: "blue.example" },
});
const six = subnet("six", { cidr: "fd00:1::/64", dns: { nameservers: ["10.1.0.2", "fd00:1::2"] } });
const given = [
  { address: "10.1.0.5", subnet: four },
  { address: "fd00:1::5", subnet: six },
];

describe("a subnet", () => {
  test("keeps its gateway and service address to itself, the first two unless set", () => {
    expect(givenRanges(layoutOf(four)).map(formatRange)).toEqual(["10.1.0.3-10.1.0.254"]);
    const set = subnet("set", {
      cidr: "10.1.0.0/29",
      gateway: "10.1.0.6",
      serviceAddress: "10.1.0.5",
    });
    expect(givenRanges(layoutOf(set)).map(formatRange)).toEqual(["10.1.0.1-10.1.0.4"]);
  });

  test("leads to the world by its gateway, each family once, and to what it names", () => {
    expect(portIps(given, false)).toEqual([
      { address: "10.1.0.5/24", gateway: "10.1.0.1" },
      { address: "fd00:1::5/64", gateway: "fd00:1::1" },
    ]);
    expect(portRoutes(given, { isRouted: false })).toEqual([
      { dst: "0.0.0.0/0", gw: "10.1.0.1" },
      { dst: "::/0", gw: "fd00:1::1" },
      { dst: "10.9.0.0/16", gw: "10.1.0.1" },
      { dst: "10.8.0.0/16", gw: "10.1.0.9" },
    ]);
  });

  test("has no gateways on a link without neighbours", () => {
    expect(portIps(given, true)[0]).toEqual({ address: "10.1.0.5/24" });
    expect(portRoutes(given, { isRouted: true })[0]).toEqual({ dst: "0.0.0.0/0" });
  });

  test("leads not everywhere where another network does, by a route of its own neither", () => {
    const routes = portRoutes(given, { isRouted: false, taken: [4] });
    expect(routes.map(({ dst }) => dst)).toEqual(["::/0", "10.9.0.0/16", "10.8.0.0/16"]);
    const named = subnet("named", { cidr: "10.1.0.0/24", routes: [{ destination: "0.0.0.0/0" }] });
    const own = [{ address: "10.1.0.5", subnet: named }];
    expect(portRoutes(own, { isRouted: false, taken: [4] })).toEqual([]);
    expect(portRoutes(own, { isRouted: false, taken: [6] })).toHaveLength(1);
  });

  test("tells of DNS what all of a port's subnets tell, each once", () => {
    expect(portDns(given)).toEqual({
      nameservers: ["10.1.0.2", "fd00:1::2"],
      domain: "blue.example",
      search: [],
      options: [],
    });
  });
});
