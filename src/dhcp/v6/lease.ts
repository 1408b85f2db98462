/** Makes a lease of what a server gave and what routers tell of the link. */
import { ipToBytes, parseIp } from "../../lib/ip.ts";
import { containsIp, formatPrefix, networkOf, prefixOf } from "../../lib/prefix.ts";
import type { DhcpLease } from "../../model/dhcp.ts";
import type { PortRoute } from "../../model/port.ts";
import type { OnLinkPrefix, RouterAdvertisement } from "./neighbours.ts";
import type { Binding, V6State } from "./state.ts";

/** Whether a server may give a client the address: no group, no link-local or loopback one. */
export function isUsable(address: string): boolean {
  const [first, second] = ipToBytes(address);
  const isLinkLocal = first === 0xfe && (second! & 0xc0) === 0x80;
  // Below 2000::/3 lie `::`, `::1` and what stands for IPv4.
  return first! >= 0x10 && first !== 0xff && !isLinkLocal;
}

/** The default router to take: by preference, of equals the one that was heard first. */
function defaultRouter(heard: readonly RouterAdvertisement[]): RouterAdvertisement | undefined {
  return heard
    .filter(({ isDefault }) => isDefault)
    .reduce<RouterAdvertisement | undefined>(
      (best, each) => (best && best.preference >= each.preference ? best : each),
      undefined,
    );
}

/** Whether a router has told enough for a lease. */
export function hasRouter({ routers }: V6State): boolean {
  return defaultRouter(routers.heard) !== undefined;
}

/**
 * DHCPv6 gives addresses and no more: neither the network's length nor a router. Both come from the
 * routers' advertisements (RFC 5942). Without one an address stands alone, as `/128`. A kernel that
 * listens to routers has routes from them already, and follows when they change.
 */
export function leaseOf(state: V6State, binding: Binding): DhcpLease {
  const { heard } = state.routers;
  const isLeftToKernel = state.order.link.followsRouters === true;
  const gateway = isLeftToKernel ? undefined : defaultRouter(heard)?.router;
  const mtus = heard.flatMap(({ mtu }) => mtu ?? []);
  const onLink = heard.flatMap((each) => each.onLink);
  return {
    family: 6,
    ips: binding.addresses.map((address) => ({
      address: `${address}/${lengthOf(address, onLink)}`,
      ...(gateway !== undefined && { gateway }),
    })),
    routes: isLeftToKernel
      ? []
      : [...routesOf(heard), ...(gateway === undefined ? [] : [{ dst: "::/0", gw: gateway }])],
    dns: dnsOf(state, binding),
    ...(mtus.length > 0 && { mtu: Math.min(...mtus) }),
    server: binding.server,
    times: binding.times,
  };
}

function lengthOf(address: string, onLink: readonly OnLinkPrefix[]): number {
  const ip = parseIp(address);
  const lengths = onLink
    .filter((prefix) => containsIp(prefixOf(parseIp(prefix.address), prefix.length), ip))
    .map(({ length }) => length);
  return lengths.length === 0 ? 128 : Math.max(...lengths);
}

/** Routes of RFC 4191, and each prefix on the link. Of several routers to one network the best. */
function routesOf(heard: readonly RouterAdvertisement[]): PortRoute[] {
  const best = new Map<string, { gw: string; preference: number }>();
  for (const { router, routes } of heard) {
    for (const { address, length, preference } of routes) {
      const dst = formatPrefix(networkOf(prefixOf(parseIp(address), length)));
      const known = best.get(dst);
      if (length === 0 || (known && known.preference >= preference)) continue;
      best.set(dst, { gw: router, preference });
    }
  }
  return [...best].map(([dst, { gw }]) => ({ dst, gw }));
}

/** What the server says; where it says nothing, what the routers do. */
function dnsOf({ routers, order }: V6State, { dns }: Binding): DhcpLease["dns"] {
  const told = dns.nameservers?.length
    ? dns
    : {
        nameservers: routers.heard.flatMap((each) => each.nameservers),
        search: [...(dns.search ?? []), ...routers.heard.flatMap((each) => each.search)],
      };
  const nameservers = unique(told.nameservers ?? []).flatMap((address) =>
    reachableName(address, order.link.name),
  );
  const search = unique(told.search ?? []);
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(search.length > 0 && { search }),
  };
}

/** A resolver asks a link-local server only where it is told on which link. */
function reachableName(address: string, link: string): string[] {
  if (isUsable(address)) return [address];
  return address.startsWith("fe80:") ? [`${address}%${link}`] : [];
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
