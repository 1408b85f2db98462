/** Removes what the reference plugins made in the kernel for one attachment, and nothing else. */
import type { NftChainName, NftChange, NftRule } from "../kernel/nft/nft.ts";
import type { NftFamily } from "../model/nft.ts";
import type { Engine } from "./engine.ts";
import type { ReferenceTraces } from "./extend.ts";
import {
  masqueradeChain,
  masqueradeComment,
  portmapChain,
  type ReferenceAttachment,
  spoofChain,
} from "./reference-names.ts";

/** Which plugin's leftovers: those of `bridge` and `ptp`, or those of `portmap`. */
export type LeftoverKind = "link" | "portmap";

/** Rules to look for in a chain, and the chains that go with them. */
interface Leftover {
  readonly at: NftChainName;
  readonly isOurs: (rule: NftRule) => boolean;
  /** Chains that only these rules lead to. */
  readonly chains?: readonly string[];
}

const chain = (family: NftFamily, table: string, name: string): NftChainName => ({
  family,
  table,
  chain: name,
});

const jumpsTo = (name: string) => (rule: NftRule) => rule.targets.includes(name);

/** A chain of iptables with the rules that jump to it. */
function jumped(family: NftFamily, from: string, to: string): Leftover {
  return { at: chain(family, "nat", from), isOurs: jumpsTo(to), chains: [to] };
}

const families = ["ip", "ip6"] as const;

function linkLeftovers(of: ReferenceAttachment): Leftover[] {
  const comment = masqueradeComment(of);
  const spoof = spoofChain(of);
  return [
    ...families.map((family) => jumped(family, "POSTROUTING", masqueradeChain(of))),
    {
      at: chain("inet", "cni_plugins_masquerade", "masq_checks"),
      isOurs: (rule) => rule.comment?.startsWith(comment) ?? false,
    },
    {
      at: chain("bridge", "nat", "PREROUTING"),
      isOurs: jumpsTo(spoof),
      chains: [spoof, `${spoof}-mac`],
    },
  ];
}

function portmapLeftovers(of: ReferenceAttachment): Leftover[] {
  const isOurs = (rule: NftRule) => rule.comment === of.containerId;
  return families.flatMap((family) => [
    jumped(family, "CNI-HOSTPORT-DNAT", portmapChain("DN", of)),
    jumped(family, "CNI-HOSTPORT-SNAT", portmapChain("SN", of)),
    ...["hostports", "hostip_hostports", "masquerading"].map((name) => ({
      at: chain(family, "cni_hostport", name),
      isOurs,
    })),
  ]);
}

const leftoversOf = { link: linkLeftovers, portmap: portmapLeftovers } as const;
const maxTries = 3;

/**
 * Removes them in one transaction; none is the usual case and costs one look. Another program may
 * change the same tables meanwhile: then it looks again. Throws NftError.
 */
export async function removeReferenceLeftovers(
  { session }: Engine,
  kind: LeftoverKind,
  of: ReferenceAttachment,
): Promise<void> {
  await session.loadNft();
  for (let tries = 1; ; tries++) {
    try {
      session.nft.change(changes(session.nft, leftoversOf[kind](of)));
      return;
    } catch (error) {
      const { code } = error as { code?: string };
      const raced = code === "ENOENT" || code === "EBUSY";
      if (!raced || tries === maxTries) throw error;
    }
  }
}

/** Whether the reference plugins made anything for the attachment that is still there. */
export async function hasReferenceLeftovers(
  { session }: Engine,
  kind: LeftoverKind,
  of: ReferenceAttachment,
): Promise<boolean> {
  await session.loadNft();
  return changes(session.nft, leftoversOf[kind](of)).length > 0;
}

type NftReader = Engine["session"]["nft"];

function changes(nft: NftReader, leftovers: readonly Leftover[]): NftChange[] {
  const present = nft.present(leftovers.map(({ at }) => at));
  return leftovers.filter((_, i) => present[i]).flatMap((leftover) => changesOf(nft, leftover));
}

/** The rules first: a chain that a rule leads to cannot go. */
function changesOf(nft: NftReader, { at, isOurs, chains = [] }: Leftover): NftChange[] {
  const rules = nft
    .rules(at)
    .filter(isOurs)
    .map(({ handle }): NftChange => ({ op: "delete-rule", ...at, handle }));
  const names = chains.map((name) => ({ ...at, chain: name }));
  const present = nft.present(names);
  const gone = names
    .filter((_, i) => present[i])
    .map((name): NftChange => ({ op: "delete-chain", ...name }));
  return [...rules, ...gone];
}

/** Published ports as the reference's portmap made them. */
export const portmapTraces: ReferenceTraces = {
  remove: (engine, of) => removeReferenceLeftovers(engine, "portmap", of),
  has: (engine, of) => hasReferenceLeftovers(engine, "portmap", of),
};
