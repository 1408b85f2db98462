/** Requests about routes: add, replace, remove. Source: include/uapi/linux/rtnetlink.h. */
import type { Attrs, Value } from "./codec.ts";
import { nlmF, type Request, request } from "./message.ts";
import { type metricsTable, nextHopFlag, routeLayout, type routeType } from "./route-table.ts";
import { familyOf, mainTable, netloomProtocol, rtm, splitPrefix } from "./rtm.ts";

/** One way of several that a route's packets take. */
export interface NextHop {
  /** ifindex of the link. */
  readonly oif?: number;
  readonly gateway?: string;
  /** 1 to 256; absent: 1. */
  readonly weight?: number;
  readonly onlink?: boolean;
}

export type RouteMetrics = Readonly<Attrs<typeof metricsTable>>;

/** A route. Its key is destination, table and priority (and in IPv6 the next hop). */
export interface NewRoute {
  /** `0.0.0.0/0` and `::/0` are the default routes. */
  readonly dst: string;
  /** ifindex of the link. */
  readonly oif?: number;
  readonly gateway?: string;
  /** The gateway is reachable on the link although no address covers it. */
  readonly onlink?: boolean;
  /** Preferred source address. */
  readonly source?: string;
  /** Absent: 254, the main table. */
  readonly table?: number;
  /** Absent: 0 in IPv4; the kernel makes it 1024 in IPv6. */
  readonly priority?: number;
  /** Absent: `unicast`. */
  readonly type?: Value<typeof routeType>;
  /** 0 global, 253 link, 254 host. Absent: link without gateway, else global. */
  readonly scopeId?: number;
  /** Absent: 108, Netloom's. */
  readonly protocol?: number;
  /** Bytes. */
  readonly mtu?: number;
  /** Bytes. */
  readonly advmss?: number;
  /** Other metrics; `mtu` and `advmss` go before. */
  readonly metrics?: RouteMetrics;
  /** Several next hops, in place of `oif` and `gateway`. */
  readonly nextHops?: readonly NextHop[];
  /** Type of service that packets must have. */
  readonly tos?: number;
  /** Seconds until it goes (IPv6). */
  readonly expiresS?: number;
  /** Which of several default routes is better (IPv6): RFC 4191's bits. */
  readonly preference?: number;
}

/** Adds a route. EEXIST if its key is taken. */
export function addRoute(spec: NewRoute): Request {
  return newRoute("add", nlmF.create | nlmF.excl, spec);
}

/** Adds a route in the place of one with the same key. */
export function replaceRoute(spec: NewRoute): Request {
  return newRoute("replace", nlmF.create | nlmF.replace, spec);
}

/**
 * Adds a route behind those with the same key. EEXIST if one of them is the same. In IPv6 those
 * with gateways become one route with several next hops.
 */
export function appendRoute(spec: NewRoute): Request {
  return newRoute("append", nlmF.create | nlmF.append, spec);
}

const scope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
/** Tables above do not fit the header, and stand in an attribute instead. */
const lastShortTable = 255;

function newRoute(verb: string, flags: number, spec: NewRoute): Request {
  return request(
    { op: `${verb} route ${routeText(spec)}`, type: rtm.newRoute, flags },
    routeLayout,
    {
      header: {
        ...headerOf(spec),
        protocol: spec.protocol ?? netloomProtocol,
        scope: spec.scopeId ?? defaultScope(spec),
        type: spec.type ?? "unicast",
        flags: spec.onlink ? nextHopFlag.onlink : 0,
      },
      attrs: {
        ...attributesOf(spec),
        source: spec.source,
        metrics: metricsOf(spec),
        preference: spec.preference,
        expires: spec.expiresS,
      },
    },
  );
}

/** Removes the route with this key; fields that are absent match any. One not there is removed. */
export function removeRoute(
  spec: Pick<
    NewRoute,
    | "dst"
    | "oif"
    | "gateway"
    | "nextHops"
    | "table"
    | "priority"
    | "type"
    | "scopeId"
    | "protocol"
    | "tos"
  >,
): Request {
  return request(
    {
      op: `remove route ${routeText(spec)}`,
      type: rtm.delRoute,
      flags: 0,
      tolerate: ["ESRCH", "ENODEV"],
    },
    routeLayout,
    {
      header: {
        ...headerOf(spec),
        protocol: spec.protocol ?? 0,
        scope: spec.scopeId ?? scope.nowhere,
        type: spec.type ?? "unspec",
      },
      attrs: attributesOf(spec),
    },
  );
}

function headerOf(spec: NewRoute) {
  const { length } = splitPrefix(spec.dst);
  const table = spec.table ?? mainTable;
  return {
    family: familyOf(spec.dst),
    dstLength: length,
    tos: spec.tos,
    table: table > lastShortTable ? 0 : table,
  };
}

function attributesOf(spec: NewRoute) {
  const { address, length } = splitPrefix(spec.dst);
  const table = spec.table ?? mainTable;
  return {
    dst: length === 0 ? undefined : address,
    oif: spec.oif,
    ...gatewayOf(spec.dst, spec.gateway),
    priority: spec.priority,
    table: table > lastShortTable ? table : undefined,
    nextHops: spec.nextHops?.map((hop) => ({
      flags: hop.onlink ? nextHopFlag.onlink : 0,
      hops: (hop.weight ?? 1) - 1,
      index: hop.oif ?? 0,
      attrs: gatewayOf(spec.dst, hop.gateway),
    })),
  };
}

function gatewayOf(dst: string, gateway: string | undefined) {
  if (gateway === undefined) return {};
  return familyOf(dst) === familyOf(gateway) ? { gateway } : { via: gateway };
}

function metricsOf(spec: NewRoute): RouteMetrics | undefined {
  const { mtu, advmss, metrics } = spec;
  if (mtu === undefined && advmss === undefined && !metrics) return undefined;
  return { ...metrics, mtu: mtu ?? metrics?.mtu, advmss: advmss ?? metrics?.advmss };
}

function defaultScope(spec: NewRoute): number {
  if (spec.type !== undefined && spec.type !== "unicast") return scope.universe;
  return spec.gateway === undefined && !spec.nextHops ? scope.link : scope.universe;
}

function routeText(spec: NewRoute): string {
  const by = spec.gateway === undefined ? "" : ` via ${spec.gateway}`;
  const on = spec.oif === undefined ? "" : ` on link ${spec.oif}`;
  return `${spec.dst}${by}${on}`;
}
