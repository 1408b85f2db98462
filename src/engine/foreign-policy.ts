/** Notices a foreign firewall that drops what the host forwards, as Docker's does. */

import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { hasForeignRules, policiesDrop } from "../kernel/nft/chain-policy.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

/** Families of the tables that iptables and ip6tables keep in nftables. */
export type ForeignFamily = "ip" | "ip6";

/** The base chain of forwarded packets, as iptables-nft names it. */
const forwardChain = (family: ForeignFamily) =>
  ({ family, table: "filter", chain: "FORWARD" }) as const;

const families: Readonly<Record<string, ForeignFamily>> = {
  "net/ipv4/ip_forward": "ip",
  "net/ipv6/conf/all/forwarding": "ip6",
};

/**
 * Families whose packets the host forwards for these objects and a foreign policy drops. One
 * exchange with the kernel; none where nothing is forwarded.
 */
export function droppedFamilies(
  session: KernelSession,
  objects: readonly KernelObject[],
): ForeignFamily[] {
  const forwarded = objects.flatMap((object) =>
    object.kind === "sysctl" ? (families[object.path] ?? []) : [],
  );
  if (forwarded.length === 0) return [];
  using socket = session.namespace(hostNetns).inside(() => new NetlinkSocket("netfilter"));
  const drops = policiesDrop(socket, forwarded.map(forwardChain));
  return forwarded.filter((_, i) => drops[i]);
}

const familyNames: Readonly<Record<4 | 6, ForeignFamily>> = { 4: "ip", 6: "ip6" };

/** Of these families, those whose forwarded packets a foreign policy or rule may drop. */
export function foreignForward(
  session: KernelSession,
  wanted: readonly (4 | 6)[],
): readonly (4 | 6)[] {
  if (wanted.length === 0) return [];
  using socket = session.namespace(hostNetns).inside(() => new NetlinkSocket("netfilter"));
  const chains = wanted.map((family) => forwardChain(familyNames[family]));
  const drops = policiesDrop(socket, chains);
  return wanted.filter((_, i) => drops[i] || hasForeignRules(socket, chains[i]!));
}
