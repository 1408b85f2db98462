/** Rules as the reference's `firewall` made them for one attachment, found by its addresses. */

import { hostPart } from "../drivers/container-side.ts";
import { parseFirewallConfig } from "../drivers/firewall-config.ts";
import type { NftChainName, NftChange, NftRule } from "../kernel/nft/nft.ts";
import { ipToBytes } from "../lib/ip.ts";
import type { ReferenceTraces, TracedAttachment } from "./extend.ts";
import type { KernelSession } from "./kernel-session.ts";

const forwardChain = (family: "ip" | "ip6"): NftChainName => ({
  family,
  table: "filter",
  chain: "CNI-FORWARD",
});

export const firewallTraces: ReferenceTraces = {
  /** What accepts this address's packets. Chains and isolation are static there, and stay. */
  async remove({ session }, of) {
    await session.loadNft();
    const changes = addressesOf(of).flatMap((address) =>
      rulesFor(session, address).map(({ name, rule }): NftChange => {
        return { op: "delete-rule", ...name, handle: rule.handle };
      }),
    );
    session.nft.change(changes);
  },

  async has({ session }, of) {
    await session.loadNft();
    const addresses = addressesOf(of);
    // One accepts what the address sends, the other what answers it.
    if (!addresses.every((address) => rulesFor(session, address).length >= 2)) return false;
    if (parseFirewallConfig(of.raw).policy === "open") return true;
    const families = new Set(addresses.map(familyOf));
    return [...families].every((family) => isIsolating(session, family, bridgeOf(of)));
  },
};

const familyOf = (address: string) => (address.includes(":") ? "ip6" : "ip");

function rulesFor(
  session: KernelSession,
  address: string,
): { readonly name: NftChainName; readonly rule: NftRule }[] {
  const name = forwardChain(familyOf(address));
  if (!session.nft.present([name])[0]) return [];
  const bytes = ipToBytes(address);
  return session.nft
    .rules(name)
    .filter(({ constants }) => constants.some((constant) => isEqual(constant, bytes)))
    .map((rule) => ({ name, rule }));
}

function isIsolating(session: KernelSession, family: "ip" | "ip6", bridge: string): boolean {
  const name: NftChainName = { family, table: "filter", chain: "CNI-ISOLATION-STAGE-2" };
  if (!session.nft.present([name])[0]) return false;
  const wanted = new TextEncoder().encode(bridge);
  return session.nft
    .rules(name)
    .some(({ constants }) => constants.some((bytes) => isEqual(bytes, wanted)));
}

/** A link's name has NULs behind. */
function isEqual(constant: Uint8Array, wanted: Uint8Array): boolean {
  const rest = constant.subarray(wanted.length);
  return wanted.every((byte, i) => constant[i] === byte) && rest.every((byte) => byte === 0);
}

interface RawResult {
  readonly interfaces?: readonly { readonly name?: unknown }[];
  readonly ips?: readonly { readonly address?: unknown }[];
}

const resultOf = ({ raw }: TracedAttachment) => (raw.prevResult ?? {}) as RawResult;

/** DEL may come without a result, or with one that is spoilt. */
function addressesOf(of: TracedAttachment): string[] {
  const { ips } = resultOf(of);
  if (!Array.isArray(ips)) return [];
  return ips.flatMap(({ address }) => (typeof address === "string" ? hostPart(address) : []));
}

/** The reference takes the result's first link for the bridge. */
function bridgeOf(of: TracedAttachment): string {
  return String(resultOf(of).interfaces?.[0]?.name ?? "");
}
