/**
 * What the reference plugins call their own per-container chains, rules and comments.
 * Observed and sourced in docs/design/reference-leftovers.md.
 */
import type { Attachment } from "../model/port.ts";

/** An attachment of a network, as the reference hashes it. */
export interface ReferenceAttachment extends Attachment {
  readonly network: string;
}

function hash(text: string, digits: number): string {
  return new Bun.CryptoHasher("sha512").update(text).digest("hex").slice(0, digits);
}

/** Chains of ipMasq by iptables, in `ip nat` and `ip6 nat`. */
export function masqueradeChain({ network, containerId }: ReferenceAttachment): string {
  return `CNI-${hash(network + containerId, 24)}`;
}

/** Start of the comments of ipMasq by nftables. */
export function masqueradeComment(of: ReferenceAttachment): string {
  return `${hash(of.network, 16)}-${hash(`${of.ifName}:${of.containerId}`, 16)}, `;
}

/** Chains of portmap by iptables: destination NAT, and source NAT of releases before 0.8. */
export function portmapChain(kind: "DN" | "SN", of: ReferenceAttachment): string {
  return `CNI-${kind}-${hash(of.network + of.containerId, 21)}`;
}

/** The chain of macspoofchk; a second one has `-mac` behind. */
export function spoofChain({ containerId, ifName }: Attachment): string {
  return `cni-br-iface-${containerId}-${ifName}`;
}
