/** Has a foreign firewall let our packets pass: a static rule in the chain it keeps for others. */
import { acceptedBit } from "../drivers/skeleton.ts";
import type { NftChainName } from "../kernel/nft/nft.ts";
import type { ForeignFamily } from "./foreign-policy.ts";
import type { KernelSession } from "./kernel-session.ts";

/** Docker's chain for the administrator's rules, then that of CNI's firewall plugin. */
const chains = ["DOCKER-USER", "CNI-ADMIN"] as const;

/** With those the firewall's own, where a network asks for it by plugin `firewall`. */
const allChains = [...chains, "FORWARD"] as const;

/** By this comment we know our rule, which is not that of another instance. */
function markOf({ paths }: KernelSession): string {
  const whose = paths.instance === undefined ? "" : ` of ${paths.instance}`;
  return `netloom: forwarded packets of containers${whose}`;
}

/** Ensures the rule in each of the families. Where there is neither chain nothing can be done. */
export async function acceptInForeign(
  session: KernelSession,
  families: readonly ForeignFamily[],
): Promise<void> {
  await session.loadNft();
  for (const family of families) {
    const chain = firstThere(session, family, chains);
    if (chain && ourRules(session, chain).length === 0) insert(session, chain);
  }
}

/** Puts the rule into the first of these chains, the firewall's own last. Throws NftError. */
export function insertAcceptRule(session: KernelSession, family: ForeignFamily): void {
  const chain = firstThere(session, family, allChains);
  if (chain && ourRules(session, chain).length === 0) insert(session, chain);
}

/** Whether the rule is in one of these chains, or there is no such firewall. */
export function hasAcceptRule(session: KernelSession, family: ForeignFamily): boolean {
  const there = presentOf(session, family, allChains);
  return there.length === 0 || there.some((chain) => ourRules(session, chain).length > 0);
}

function insert(session: KernelSession, chain: NftChainName): void {
  const match = `meta mark & ${acceptedBit} == ${acceptedBit}`;
  session.nft.insertRule(chain, `${match} counter accept`, markOf(session));
}

/** Removes the rule wherever it is. Gives how many there were. */
export function withdrawFromForeign(session: KernelSession): number {
  const all = (["ip", "ip6"] as const).flatMap((family) =>
    allChains.map((chain): NftChainName => ({ family, table: "filter", chain })),
  );
  const present = session.nft.present(all);
  const changes = all
    .filter((_, i) => present[i])
    .flatMap((chain) =>
      ourRules(session, chain).map(
        ({ handle }) => ({ op: "delete-rule", ...chain, handle }) as const,
      ),
    );
  session.nft.change(changes);
  return changes.length;
}

function presentOf(
  session: KernelSession,
  family: ForeignFamily,
  candidates: readonly string[],
): NftChainName[] {
  const names = candidates.map((chain): NftChainName => ({ family, table: "filter", chain }));
  const present = session.nft.present(names);
  return names.filter((_, i) => present[i]);
}

function firstThere(
  session: KernelSession,
  family: ForeignFamily,
  candidates: readonly string[],
): NftChainName | undefined {
  return presentOf(session, family, candidates)[0];
}

function ourRules(session: KernelSession, chain: NftChainName) {
  return session.nft.rules(chain).filter(({ comment }) => comment === markOf(session));
}
