/** Plain routes by the other host, which must be on the same link. */
import { type Family, familyIn, parseIp } from "../../../lib/ip.ts";
import { perObject } from "../../../lib/per-object.ts";
import { containsIp, networkOf, parsePrefix } from "../../../lib/prefix.ts";
import type { RouteEntry } from "../entries.ts";
import type { Underlay } from "../view.ts";
import type { Backend, Way } from "./backend.ts";

export const hostGw: Backend = {
  base: () => [],

  reach(way) {
    const entries: RouteEntry[] = [];
    for (const dst of way.prefixes) {
      const gateway = neighbour(way, familyIn(dst));
      if (typeof gateway !== "string") return gateway;
      entries.push({ kind: "route", type: "unicast", dst, gateway });
    }
    return entries;
  },
};

const endsOf = perObject((underlay: Underlay) =>
  underlay.map(({ address, prefixLength }) => ({
    ...{ address, prefixLength, ip: parseIp(address) },
    subnet: networkOf(parsePrefix(`${address}/${prefixLength}`)),
  })),
);
type End = ReturnType<typeof endsOf>[number];

/** The other host's address of the family where it is on a link of this one's, or why not. */
export function neighbour(
  { underlay, peer, peerUnderlay }: Pick<Way, "underlay" | "peer" | "peerUnderlay">,
  family: Family,
): string | { readonly why: string } {
  const isOf = ({ ip }: End) => ip.family === family;
  const own = endsOf(underlay).find(isOf);
  const theirs = endsOf(peerUnderlay).find(isOf);
  if (!own || !theirs) {
    const who = own ? `host "${peer}"` : "this host";
    return { why: `${who} has no IPv${family} address that others reach it by` };
  }
  if (containsIp(own.subnet, theirs.ip)) return theirs.address;
  return {
    why:
      `its address ${theirs.address} is on another link than ${own.address}/${own.prefixLength} ` +
      'here, and plain routes lead over one link only: use backend "vxlan"',
  };
}
