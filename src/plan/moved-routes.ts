/** Routes that one part of an attachment makes and another moves are made where they end. Pure. */
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import type {
  AddressObject,
  KernelObject,
  LinkRoute,
  RouteObject,
} from "../model/kernel-object.ts";
import { key } from "./key.ts";

const mainTable = 254;
const kernelProtocol = 2;
const linkScope = 253;
/** What the kernel gives to routes of its own in IPv6. Source: net/ip6_route.h. */
const kernelPriority6 = 256;

/** The link's routes in the main table once `objects` are made, with what the kernel adds. */
export function routesOn(
  objects: readonly KernelObject[],
  { netns, link }: { readonly netns: string; readonly link: string },
): LinkRoute[] {
  const isOn = (object: KernelObject) =>
    "link" in object && object.netns === netns && object.link === link;
  const mine = objects.filter(isOn);
  const made = mine.flatMap((object) =>
    object.kind === "route" && (object.table ?? mainTable) === mainTable ? bare(object) : [],
  );
  const addresses = mine.filter((object): object is AddressObject => object.kind === "address");
  const byPrefix = new Map<string, LinkRoute>();
  for (const { address, prefixRoute } of addresses) {
    const route = prefixRouteOf(address);
    if (prefixRoute !== false && route && !byPrefix.has(route.dst)) byPrefix.set(route.dst, route);
  }
  const linkLocal = { dst: "fe80::/64", priority: kernelPriority6, protocol: kernelProtocol };
  const isSixth = addresses.some(({ address }) => address.includes(":"));
  return [...byPrefix.values(), ...made, ...(isSixth ? [linkLocal] : [])];
}

function bare(route: RouteObject): LinkRoute {
  const { kind: _, netns: __, scope: ___, life: ____, link: _____, table: ______, ...rest } = route;
  return rest;
}

/** None for an address that is its own prefix. */
function prefixRouteOf(address: string): LinkRoute | undefined {
  const prefix = parsePrefix(address);
  const dst = formatPrefix(networkOf(prefix));
  const isSixth = address.includes(":");
  if (prefix.length === (isSixth ? 128 : 32)) return undefined;
  if (isSixth) return { dst, priority: kernelPriority6, protocol: kernelProtocol };
  const source = address.slice(0, address.indexOf("/"));
  return { dst, source, scopeId: linkScope, protocol: kernelProtocol };
}

/**
 * Makes directly what `objects` would make in one table and then move to another: the same without
 * the detour, and without the kernel's own routes to the addresses' prefixes.
 */
export function withoutDetours(objects: readonly KernelObject[]): KernelObject[] {
  const moved = objects.filter(
    (object): object is RouteObject => object.kind === "route" && object.movedFrom !== undefined,
  );
  if (moved.length === 0) return [...objects];
  const places = new Set(moved.map((route) => key({ ...route, table: route.movedFrom })));
  const prefixes = new Set(moved.map(({ netns, link, dst }) => `${netns} ${link} ${dst}`));
  return objects.flatMap((object): KernelObject[] => {
    if (object.kind === "route") {
      if (object.movedFrom === undefined) return places.has(key(object)) ? [] : [object];
      const { movedFrom: _, ...rest } = object;
      return [rest];
    }
    if (object.kind !== "address") return [object];
    const dst = formatPrefix(networkOf(parsePrefix(object.address)));
    const isMoved = prefixes.has(`${object.netns} ${object.link} ${dst}`);
    return [isMoved ? { ...object, prefixRoute: false } : object];
  });
}
