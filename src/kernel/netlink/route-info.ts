/** Routes as the kernel tells of them, and which one a packet would take. */
import type { Value } from "./codec.ts";
import { decode, type Message, type Request, request } from "./message.ts";
import type { NextHop, RouteMetrics } from "./route.ts";
import {
  type NextHopMessage,
  nextHopFlag,
  routeFlag,
  routeLayout,
  type routeType,
} from "./route-table.ts";
import { addressFamily, familyOf, rtm, splitPrefix } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

export interface RouteInfo {
  readonly family: number;
  /** `0.0.0.0/0` and `::/0` are the default routes. */
  readonly dst: string;
  readonly table: number;
  readonly type: Value<typeof routeType>;
  readonly protocol: number;
  /** 0 global, 253 link, 254 host. */
  readonly scopeId: number;
  readonly priority?: number;
  /** ifindex of the link; absent with several next hops and on links-less types. */
  readonly oif?: number;
  readonly gateway?: string;
  readonly onlink: boolean;
  readonly source?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly metrics?: RouteMetrics;
  readonly nextHops?: readonly NextHop[];
  readonly tos: number;
  /** Seconds until it goes (IPv6). */
  readonly expiresS?: number;
  readonly preference?: number;
  /** The next hop object that it leads through, which more routes may share. */
  readonly nextHopId?: number;
  /** Packets are wrapped on their way (MPLS, tunnels): an LWTUNNEL_ENCAP_ number. */
  readonly encapsulation?: number;
}

/** A route from an RTM_NEWROUTE or RTM_DELROUTE message. Throws DecodeError. */
export function readRoute(message: Message): RouteInfo {
  const { header, attrs } = decode(message, routeLayout);
  const everything = header.family === addressFamily.inet6 ? "::" : "0.0.0.0";
  return {
    family: header.family,
    dst: `${attrs.dst ?? everything}/${header.dstLength}`,
    table: attrs.table ?? header.table,
    type: header.type,
    protocol: header.protocol,
    scopeId: header.scope,
    priority: attrs.priority,
    oif: attrs.oif,
    gateway: attrs.gateway ?? attrs.via,
    onlink: (header.flags & nextHopFlag.onlink) !== 0,
    source: attrs.source,
    mtu: attrs.metrics?.mtu,
    advmss: attrs.metrics?.advmss,
    metrics: attrs.metrics,
    nextHops: attrs.nextHops?.map(readNextHop),
    tos: header.tos,
    expiresS: attrs.cacheInfo?.expiresCs ? Math.ceil(attrs.cacheInfo.expiresCs / 100) : undefined,
    preference: attrs.preference,
    nextHopId: attrs.nextHopId,
    encapsulation: attrs.encapType,
  };
}

function readNextHop(hop: NextHopMessage): NextHop {
  return {
    oif: hop.index,
    gateway: hop.attrs.gateway ?? hop.attrs.via,
    weight: hop.hops + 1,
    onlink: (hop.flags & nextHopFlag.onlink) !== 0,
  };
}

/** What `listRoutes` gives; the kernel filters, so a busy host's other routes cost nothing. */
export interface RouteFilter {
  readonly family?: number;
  readonly table?: number;
  readonly oif?: number;
  readonly protocol?: number;
  readonly type?: Value<typeof routeType>;
}

/** Routes of all tables, or of those that the filter matches. */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter = {}): RouteInfo[] {
  const item = request(
    { op: "list routes", type: rtm.getRoute, flags: 0, tolerate: ["ENOENT", "ENODEV"] },
    routeLayout,
    {
      header: { family: filter.family, protocol: filter.protocol, type: filter.type },
      attrs: { table: filter.table, oif: filter.oif },
    },
  );
  const routes: RouteInfo[] = [];
  for (const message of socket.dump(item)) {
    const route = readRoute(message);
    // Older kernels tell more than they are asked for.
    if (matches(route, filter)) routes.push(route);
  }
  return routes;
}

function matches(route: RouteInfo, filter: RouteFilter): boolean {
  return (
    (route.family === addressFamily.inet || route.family === addressFamily.inet6) &&
    (filter.table === undefined || route.table === filter.table) &&
    (filter.protocol === undefined || route.protocol === filter.protocol) &&
    (filter.type === undefined || route.type === filter.type) &&
    (filter.oif === undefined || linksOfRoute(route).includes(filter.oif))
  );
}

/** Indexes of the links that a route leads over: several where it has several ways. */
export function linksOfRoute({ oif, nextHops }: RouteInfo): readonly number[] {
  const others = nextHops?.flatMap((hop) => hop.oif ?? []) ?? [];
  return oif === undefined ? others : [oif, ...others];
}

/**
 * The route that a packet to `dst` (an address) would take, with the table it is from; undefined
 * if there is none.
 */
export function getRoute(
  socket: NetlinkSocket,
  dst: string,
  from: {
    readonly source?: string;
    readonly oif?: number;
    readonly mark?: number;
    /** The route as it is in its table, in place of the way that a packet would take. */
    readonly isEntry?: boolean;
  } = {},
): RouteInfo | undefined {
  // IPv6 tells the table anyway, and refuses the flag.
  const table = familyOf(dst) === addressFamily.inet ? routeFlag.lookupTable : 0;
  const { address, length } = splitPrefix(dst);
  const item: Request = request(
    {
      op: `look up route to ${dst}`,
      type: rtm.getRoute,
      flags: 0,
      tolerate: ["ENETUNREACH", "EHOSTUNREACH", "ESRCH", "EACCES"],
      answered: true,
    },
    routeLayout,
    {
      header: {
        family: familyOf(dst),
        dstLength: length,
        srcLength: from.source === undefined ? 0 : splitPrefix(from.source).length,
        flags: table | (from.isEntry ? routeFlag.fibMatch : 0),
      },
      attrs: { dst: address, src: from.source, oif: from.oif, mark: from.mark },
    },
  );
  const { error, replies } = socket.batch([item])[0]!;
  // What a blackhole answers; a request that is wrong is explained.
  if (error?.code === "EINVAL" && error.extack === undefined) return undefined;
  if (error) throw error;
  return replies[0] && readRoute(replies[0]);
}
