/** Plain routes by the other host, which must be on the same link. */
import { type Family, parseIp } from "../../../lib/ip.ts";
import { containsIp, networkOf, parsePrefix } from "../../../lib/prefix.ts";
import type { RouteEntry } from "../entries.ts";
import type { Backend, Way } from "./backend.ts";

export const hostGw: Backend = {
  base: () => [],

  reach(way) {
    const entries: RouteEntry[] = [];
    for (const dst of way.prefixes) {
      const { family } = parsePrefix(dst);
      const gateway = neighbour(way, family);
      if (typeof gateway !== "string") return gateway;
      entries.push({ kind: "route", type: "unicast", dst, gateway });
    }
    return entries;
  },
};

/** The other host's address of the family where it is on a link of this one's, or why not. */
export function neighbour(
  { underlay, peer, peerUnderlay }: Pick<Way, "underlay" | "peer" | "peerUnderlay">,
  family: Family,
): string | { readonly why: string } {
  const isOf = ({ address }: { readonly address: string }) => parseIp(address).family === family;
  const own = underlay.find(isOf);
  const theirs = peerUnderlay.find(isOf);
  if (!own || !theirs) {
    const who = own ? `host "${peer}"` : "this host";
    return { why: `${who} has no IPv${family} address that others reach it by` };
  }
  const subnet = networkOf(parsePrefix(`${own.address}/${own.prefixLength}`));
  if (containsIp(subnet, parseIp(theirs.address))) return theirs.address;
  return {
    why:
      `its address ${theirs.address} is on another link than ${own.address}/${own.prefixLength} ` +
      'here, and plain routes lead over one link only: use backend "vxlan"',
  };
}
