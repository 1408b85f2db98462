/** Routing by source: what a container sends from an address takes that address's own table. */
import { addressBits, parseIp } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import type { KernelObject, LinkRoute, RouteObject, RuleObject } from "../model/kernel-object.ts";
import { integer, object, optional, record } from "../model/parse.ts";
import { attachmentScope, type PortIp } from "../model/port.ts";
import { familyOf, hostPart } from "./container-side.ts";
import type { AttachedPort, Extra } from "./extra.ts";

/** How to route. */
export interface SbrConfig {
  /** Where the rules lead; absent: to a table for each address, with the link's routes in it. */
  readonly table?: number;
}

const fields = object({ table: optional(integer(1, 0xffffffff)) });

const mainTable = 254;
/** Where the reference begins to look for tables that nobody uses. */
const firstTable = 100;
/** Tables that the kernel has from the start: default, main, local. */
const kernelTables: ReadonlySet<number> = new Set([253, 254, 255]);

export const sbr: Extra<SbrConfig> = {
  name: "sbr",
  keys: ["table"],

  parse(raw) {
    const { table } = fields(record(raw, ""), "");
    return table === undefined ? {} : { table };
  },

  objects(port, config, facts) {
    if (port.ips.length === 0) {
      throw new ConfigError("ipam", "gives no address: there is nothing to route by");
    }
    const { table } = config;
    if (table !== undefined) return port.ips.map((ip) => ruleOf(port, ip, table));
    const tables = freeTables(facts.tablesInUse(port.netns));
    const own = port.ips.map((ip) => ({ ip, table: tables.next().value }));
    return [...own.map(({ ip, table }) => ruleOf(port, ip, table)), ...routesOf(port, own)];
  },
};

function* freeTables(taken: ReadonlySet<number>): Generator<number, never> {
  for (let table = firstTable; ; table++) {
    if (!taken.has(table) && !kernelTables.has(table)) yield table;
  }
}

function owned({ id, netns }: AttachedPort) {
  return { netns, scope: attachmentScope(id), life: "exclusive" } as const;
}

function ruleOf(port: AttachedPort, { address }: PortIp, table: number): RuleObject {
  const src = `${hostPart(address)}/${addressBits(familyOf(address))}`;
  return { ...owned(port), kind: "rule", src, table };
}

interface OwnTable {
  readonly ip: PortIp;
  readonly table: number;
}

/** The link's routes in the tables of those addresses that they are of use to. */
function routesOf(port: AttachedPort, own: readonly OwnTable[]): KernelObject[] {
  const links = port.linkRoutes ?? [];
  const place = { ...owned(port), kind: "route", link: port.ifName } as const;
  const copies = new Map<string, RouteObject>();
  const put = (route: RouteObject) => {
    const { table, dst, priority = dst.includes(":") ? 1024 : 0 } = route;
    const name = `${table} ${dst} ${priority}`;
    // A route of the link's own counts more than what is made of the gateway.
    copies.set(name, { ...copies.get(name), ...route });
  };
  for (const { ip, table } of own) {
    if (ip.gateway === undefined) continue;
    const dst = familyOf(ip.address) === 4 ? "0.0.0.0/0" : "::/0";
    put({ ...place, dst, gateway: ip.gateway, table });
  }
  for (const route of links) {
    const users = own.filter(({ ip }) => isOfUse(route, ip));
    const tables = users.length > 0 ? users : own.filter(({ ip }) => isOfFamily(route, ip));
    for (const [i, { table }] of tables.entries()) {
      put({ ...place, ...route, table, ...(i === 0 && leaves(route) && { movedFrom: mainTable }) });
    }
  }
  return [...copies.values()];
}

/** As the reference decides: by the route's source or gateway; without both it is for all. */
function isOfUse({ source, gateway }: LinkRoute, { address }: PortIp): boolean {
  const prefix = parsePrefix(address);
  const isInside = (ip: string | undefined) => ip !== undefined && containsIp(prefix, parseIp(ip));
  if (source === undefined && gateway === undefined) return true;
  return isInside(source) || isInside(gateway);
}

/** A gateway outside of every prefix would be lost otherwise. */
function isOfFamily({ dst }: LinkRoute, { address }: PortIp): boolean {
  return familyOf(dst) === familyOf(address);
}

/** Without its route to link-local addresses, nothing on the link could be spoken to by them. */
function leaves({ dst }: LinkRoute): boolean {
  return !dst.startsWith("fe80:");
}
