/** What a link of the host's carries beside frames: addresses, routes, neighbours, rules. */
import { type AddressInfo, listAddresses } from "../../kernel/netlink/address.ts";
import { listNeighs, type NeighInfo } from "../../kernel/netlink/neigh.ts";
import { listRoutes, type RouteInfo } from "../../kernel/netlink/route-info.ts";
import { listRules, type RuleInfo } from "../../kernel/netlink/rule.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { formatPrefix, networkOf, parsePrefix } from "../../lib/prefix.ts";

/** A link, as requests and rules name it. */
export interface Place {
  readonly index: number;
  readonly name: string;
}

/** As the kernel lists it. Routes that it makes itself for addresses are not among them. */
export interface Carried {
  readonly addresses: readonly AddressInfo[];
  readonly routes: readonly RouteInfo[];
  /** Permanent ones, ones that were learnt, and addresses that the link answers for. */
  readonly neighs: readonly NeighInfo[];
  readonly rules: readonly RuleInfo[];
}

export const nothingCarried: Carried = { addresses: [], routes: [], neighs: [], rules: [] };

/** Who made a route. Source: RTPROT_ in include/uapi/linux/rtnetlink.h. */
export const routeMaker = { redirect: 1, kernel: 2, routerAdvertisement: 9, dhcp: 16 } as const;

/** What the kernel would not make again by itself on another link. */
const known: readonly string[] = ["permanent", "reachable", "stale", "delay", "probe"];

/** What `link` carries now. */
export function readCarried(socket: NetlinkSocket, link: Place): Carried {
  const { index, name } = link;
  const addresses = listAddresses(socket, { index });
  const networks = new Set(addresses.map(networkOfAddress));
  return {
    addresses,
    routes: listRoutes(socket, { oif: index }).filter((route) => isGiven(route, networks)),
    neighs: [
      ...listNeighs(socket, { index }).filter((neigh) => isKnown(neigh)),
      ...listNeighs(socket, { index, proxy: true }),
    ],
    rules: listRules(socket).filter(({ iif, oif }) => iif === name || oif === name),
  };
}

/** Not made by the kernel for an address; some it makes because a router told it to. */
function isGiven(
  { protocol, expiresS, type, dst }: RouteInfo,
  networks: ReadonlySet<string>,
): boolean {
  if (protocol === routeMaker.redirect) return false;
  if (protocol !== routeMaker.kernel) return true;
  return type === "unicast" && expiresS !== undefined && !networks.has(dst);
}

/** The network that the kernel makes a route to for an address. */
export function networkOfAddress({ address, peer }: AddressInfo): string {
  const length = address.slice(address.indexOf("/"));
  return formatPrefix(networkOf(parsePrefix(peer === undefined ? address : `${peer}${length}`)));
}

function isKnown({ state, mac }: NeighInfo): boolean {
  return mac !== undefined && known.includes(String(state));
}

/** An address that the kernel makes itself from the hardware address. */
export function isLinkLocal({ address }: { readonly address: string }): boolean {
  return address.startsWith("fe80:");
}
