/** Has a foreign firewall let our packets pass: a static rule in the chain it keeps for others. */
import { acceptedBit } from "../drivers/skeleton.ts";
import type { NftChainName } from "../kernel/nft/nft.ts";
import type { ForeignFamily } from "./foreign-policy.ts";
import type { KernelSession } from "./kernel-session.ts";

/** Docker's chain for the administrator's rules, then that of CNI's firewall plugin. */
const chains = ["DOCKER-USER", "CNI-ADMIN"] as const;

/** By this comment we know our rule. */
const mark = "netloom: forwarded packets of containers";

/** Ensures the rule in each of the families. Where there is neither chain nothing can be done. */
export async function acceptInForeign(
  session: KernelSession,
  families: readonly ForeignFamily[],
): Promise<void> {
  await session.loadNft();
  for (const chain of userChains(session, families)) {
    if (ourRules(session, chain).length > 0) continue;
    const match = `meta mark & ${acceptedBit} == ${acceptedBit}`;
    session.nft.insertRule(chain, `${match} counter accept`, mark);
  }
}

/** Removes the rule wherever it is. Gives how many there were. */
export function withdrawFromForeign(session: KernelSession): number {
  const all = (["ip", "ip6"] as const).flatMap((family) =>
    chains.map((chain): NftChainName => ({ family, table: "filter", chain })),
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

/** In each family the first chain that there is. */
function userChains(session: KernelSession, families: readonly ForeignFamily[]): NftChainName[] {
  return families.flatMap((family) => {
    const names = chains.map((chain): NftChainName => ({ family, table: "filter", chain }));
    const present = session.nft.present(names);
    return names.find((_, i) => present[i]) ?? [];
  });
}

function ourRules(session: KernelSession, chain: NftChainName) {
  return session.nft.rules(chain).filter(({ comment }) => comment === mark);
}
