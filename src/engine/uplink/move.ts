/** The requests that move what a link carries to another link. Pure. */
import { type AddressInfo, addAddress, removeAddress } from "../../kernel/netlink/address.ts";
import { nlmF, type Request } from "../../kernel/netlink/message.ts";
import { type NeighInfo, removeNeigh, replaceNeigh } from "../../kernel/netlink/neigh.ts";
import { appendRoute, type NewRoute, removeRoute } from "../../kernel/netlink/route.ts";
import type { RouteInfo } from "../../kernel/netlink/route-info.ts";
import { addressFamily } from "../../kernel/netlink/rtm.ts";
import { addRule, type RuleInfo, removeRule } from "../../kernel/netlink/rule.ts";
import { type Carried, networkOfAddress, type Place, routeMaker } from "./carried.ts";

/** What goes from where to where. */
export interface Move {
  readonly carried: Carried;
  readonly from: Place;
  readonly to: Place;
}

/** Longest name of a link, and longest label of an address, in bytes. */
const maxName = 15;

/**
 * What `to` can be given while traffic still takes `from`: each stands behind its like there, and
 * takes its place when that goes. What is there already is no error.
 */
export function earlyAdditions(move: Move): Request[] {
  const { carried, to } = move;
  return [
    ...inOrder(carried.addresses).map((info) => tolerant(newAddress(info, move))),
    ...carried.routes
      .filter((route) => !joinsOthers(route))
      .sort((a, b) => Number(hasGateway(a)) - Number(hasGateway(b)))
      .map((route) => tolerant(appendRoute(onOther(route, move)))),
    ...carried.neighs.map((neigh) => newNeigh(neigh, to)),
    ...carried.rules.map((rule) => tolerant(addRule(renamed(rule, move)))),
  ];
}

/**
 * IPv6 routes through gateways: with its like such a route becomes one of several ways, taken by
 * half of the packets. So they are added only once frames pass either way.
 */
export function lateAdditions(move: Move): Request[] {
  const { carried, from, to } = move;
  const routes = carried.routes.filter(
    (route) => joinsOthers(route) && !isRepeated(route, carried),
  );
  return routes.map(outOfTheWay).flatMap((route) => {
    const hops = route.nextHops ?? [
      { oif: route.oif, gateway: route.gateway, onlink: route.onlink },
    ];
    const { nextHops: _, ...rest } = route;
    return hops.flatMap((hop) => {
      if (hop.oif !== from.index) return [];
      const single = { ...rest, oif: to.index, gateway: hop.gateway, onlink: hop.onlink };
      if (hop.weight === undefined || hop.weight === 1) return tolerant(appendRoute(single));
      const { oif: __, gateway: ___, onlink: ____, ...bare } = single;
      return tolerant(appendRoute({ ...bare, nextHops: [{ ...hop, oif: to.index }] }));
    });
  });
}

/**
 * A default route that a router's advertisement gave: the kernel tells the one that it made itself
 * from others, and stops reading an advertisement that would make the same route again.
 */
const isFromRouter = ({ protocol, dst, expiresS }: RouteInfo) =>
  protocol === routeMaker.routerAdvertisement && dst === "::/0" && expiresS !== undefined;

/** It stands behind the one that the next advertisement makes, and expires in its time. */
function outOfTheWay(route: RouteInfo): RouteInfo {
  if (!isFromRouter(route)) return route;
  return { ...route, priority: (route.priority ?? usualPriority) + 1 };
}

/** What the kernel gives IPv6 routes. Source: IP6_RT_PRIO_USER. */
const usualPriority = 1024;

/** From an earlier move, and there is a fresher one by now. */
function isRepeated(route: RouteInfo, { routes }: Carried): boolean {
  return (
    isFromRouter(route) &&
    routes.some(
      (other) =>
        isFromRouter(other) &&
        other.gateway === route.gateway &&
        (other.priority ?? usualPriority) < (route.priority ?? usualPriority),
    )
  );
}

/** All of what `from` carries goes. `to` has it by now. */
export function removals({ carried, from }: Pick<Move, "carried" | "from">): Request[] {
  return [
    ...routeRemovals({ carried, from }),
    ...carried.rules.map(removeRule),
    ...carried.neighs.map((neigh) => removeNeigh({ ...neigh, index: from.index })),
    // Backwards: with the first address of a subnet the kernel takes those behind it.
    ...[...carried.addresses]
      .reverse()
      .map((info) => removeAddress({ ...info, index: from.index })),
  ];
}

/** The routes go, of IPv6 routes with several ways the ways over `from`. */
export function routeRemovals({ carried, from }: Pick<Move, "carried" | "from">): Request[] {
  return carried.routes.flatMap((route) => {
    if (!route.nextHops || route.family === addressFamily.inet) return removeRoute(route);
    const { nextHops, ...rest } = route;
    return nextHops.flatMap(({ oif, gateway }) =>
      oif === from.index ? removeRoute({ ...rest, oif, gateway }) : [],
    );
  });
}

/** The routes that the kernel made on `from` for these addresses, main table. */
export function connectedRemovals(
  { carried, from }: Pick<Move, "carried" | "from">,
  routes: readonly RouteInfo[],
): Request[] {
  const networks = new Set(carried.addresses.map(networkOfAddress));
  return routes
    .filter(
      (route) =>
        route.protocol === routeMaker.kernel &&
        route.type === "unicast" &&
        route.oif === from.index &&
        networks.has(route.dst),
    )
    .map(removeRoute);
}

/** Addresses that were added without duplicate address detection look as they did before. */
export function flagCorrections({ carried, to }: Pick<Move, "carried" | "to">): Request[] {
  return carried.addresses
    .filter(({ family, dad }) => family === addressFamily.inet6 && dad)
    .map((info) => ({
      ...addAddress({ ...info, index: to.index, label: undefined, optimistic: false }),
      flags: nlmF.replace,
      tolerate: ["EADDRNOTAVAIL", "ENODEV", "ENOENT"],
    }));
}

/** IPv4 lists addresses in the order in which they were added, IPv6 the newest first. */
function inOrder(addresses: readonly AddressInfo[]): AddressInfo[] {
  const isSixth = ({ family }: AddressInfo) => family === addressFamily.inet6;
  return [
    ...addresses.filter((info) => !isSixth(info)),
    ...addresses.filter((info) => isSixth(info)).reverse(),
  ];
}

function newAddress(info: AddressInfo, { from, to }: Move): Request {
  const isSixth = info.family === addressFamily.inet6;
  return addAddress({
    ...info,
    index: to.index,
    label: info.label === undefined ? undefined : renamedLabel(info.label, from.name, to.name),
    // Nobody but this host had it, and waiting would keep the host from its network.
    dad: isSixth ? false : undefined,
    optimistic: false,
  });
}

/** Labels are by custom the link's name, a colon, and any word. */
function renamedLabel(label: string, from: string, to: string): string {
  const isCustomary = label === from || label.startsWith(`${from}:`);
  const moved = isCustomary ? `${to}${label.slice(from.length)}` : label;
  return moved.length > maxName ? label : moved;
}

const hasGateway = ({ gateway, nextHops }: RouteInfo) =>
  gateway !== undefined || nextHops !== undefined;

const joinsOthers = (route: RouteInfo) => route.family === addressFamily.inet6 && hasGateway(route);

function onOther(route: RouteInfo, { from, to }: Move): NewRoute {
  const moved = (oif: number | undefined) => (oif === from.index ? to.index : oif);
  const { oif, nextHops, ...rest } = route;
  if (!nextHops) return { ...rest, oif: moved(oif) };
  return { ...rest, nextHops: nextHops.map((hop) => ({ ...hop, oif: moved(hop.oif) })) };
}

/** What was learnt is kept too, so that nobody has to be asked for in the first moment. */
function newNeigh(neigh: NeighInfo, to: Place): Request {
  const state = neigh.state === "permanent" ? "permanent" : "stale";
  const { dst, mac, proxy, protocol = 0 } = neigh;
  return replaceNeigh({ index: to.index, dst, mac, proxy, protocol, state });
}

function renamed(rule: RuleInfo, { from, to }: Move): RuleInfo {
  const moved = (name: string | undefined) => (name === from.name ? to.name : name);
  return { ...rule, iif: moved(rule.iif), oif: moved(rule.oif) };
}

function tolerant(item: Request): Request {
  return { ...item, tolerate: ["EEXIST"] };
}
