/** Which block the control plane leases next, and of which it claims an address. */
import { formatIp, parseIp } from "../lib/ip.ts";
import { containsIp, type Prefix, parsePrefix } from "../lib/prefix.ts";
import {
  firstOf,
  type IpRange,
  intersectRanges,
  lastOf,
  rangeOfPrefix,
  rangeSize,
} from "../lib/range.ts";
import { blockAround, type NextBlock, nextBlock, type SubnetLayout } from "./block.ts";
import { byBelonging, countFree, isAmong, obstacle, ownFree } from "./block-allocation.ts";
import type { IpBlock } from "./block-lease.ts";
import { type Claim, takenOver } from "./claim.ts";

export interface ClaimWish {
  readonly layout: SubnetLayout;
  /** As of `AddressRequest`. */
  readonly ranges: readonly IpRange[];
  /** In canonical text. */
  readonly address?: string;
  readonly identity?: string;
  /** Where the port is, if that is known: its own blocks come first. */
  readonly host?: string;
  /** As of a `Claim`. */
  readonly takesFrom?: string;
  /** Names of blocks that have the owner's claim already, or refused one. */
  readonly tried: ReadonlySet<string>;
  readonly nowMs: number;
}

export type ClaimPlace =
  | { readonly kind: "claim"; readonly block: IpBlock }
  /** Lease this one for the control plane, and claim there. */
  | { readonly kind: "lease"; readonly cidr: Prefix }
  | { readonly kind: "none"; readonly reason: string };

/**
 * The place for a claim among all blocks of the subnet, in this order: the block of the address
 * that is asked for, or that the identity had; blocks of the port's host; the control plane's own;
 * a new one; and when there is none, one of another host, the emptiest first.
 */
export function placeClaim(blocks: readonly IpBlock[], wish: ClaimWish): ClaimPlace {
  const { layout, ranges, host, tried, nowMs } = wish;
  if (wish.address !== undefined) return placeAt(blocks, wish.address, wish);
  const left = blocks.filter(({ name }) => !tried.has(name));
  const ranked = emptiest(left, ranges, nowMs);
  const near =
    withOwn(left, wish) ??
    ranked.find(({ spec }) => spec.host === host) ??
    ranked.find(({ spec }) => spec.host === "");
  if (near) return { kind: "claim", block: near };
  const existing = new Set(blocks.map(({ spec }) => spec.cidr));
  const cidr = nextBlock({ layout, ranges, existing });
  if (cidr) return { kind: "lease", cidr };
  if (ranked[0]) return { kind: "claim", block: ranked[0] };
  return { kind: "none", reason: "no address is free, in no block of any host" };
}

function placeAt(
  blocks: readonly IpBlock[],
  address: string,
  { layout, ranges, tried, identity, takesFrom, nowMs }: ClaimWish,
): ClaimPlace {
  if (!isAmong(ranges, address)) return { kind: "none", reason: "nobody may have it" };
  const ip = parseIp(address);
  const block = blocks.find(({ spec }) => containsIp(parsePrefix(spec.cidr), ip));
  if (!block) return { kind: "lease", cidr: blockAround(layout, ip) };
  const { allocation } = block.status;
  const isOwn =
    allocation && takenOver(allocation, address, { ...(takesFrom !== undefined && { takesFrom }) });
  const reason = tried.has(block.name)
    ? "its block was asked already"
    : allocation && !isOwn
      ? obstacle(allocation, address, { identity, nowMs })
      : undefined;
  return reason === undefined ? { kind: "claim", block } : { kind: "none", reason };
}

/** By the last report; a holder that has not reported yet has given nothing that is known. */
function freeIn({ spec, status }: IpBlock, ranges: readonly IpRange[], nowMs: number): number {
  if (status.allocation) return countFree(status.allocation, ranges, nowMs);
  return intersectRanges(ranges, [rangeOfPrefix(parsePrefix(spec.cidr))]).reduce(
    (sum, range) => sum + Number(rangeSize(range)),
    0,
  );
}

/** The block with the address that is the identity's most. */
function withOwn(
  blocks: readonly IpBlock[],
  { identity, ranges, nowMs }: ClaimWish,
): IpBlock | undefined {
  if (identity === undefined) return undefined;
  return blocks
    .flatMap((block) => {
      const { allocation } = block.status;
      const own = allocation && ownFree(allocation, identity, { ranges, nowMs });
      return own ? [{ ...own, block }] : [];
    })
    .sort(byBelonging)[0]?.block;
}

export type BlockPlace =
  | { readonly kind: "lease"; readonly cidr: Prefix }
  /** `leaseOut` this one. */
  | { readonly kind: "leaseOut"; readonly block: IpBlock }
  | { readonly kind: "none" };

/**
 * The block for a host that asks for one: a new one, else the emptiest that the control plane
 * holds. With none, the host borrows: its ports' addresses are claimed one by one.
 */
export function placeBlock(
  blocks: readonly IpBlock[],
  { layout, ranges, last, nowMs }: Omit<NextBlock, "existing"> & { readonly nowMs: number },
): BlockPlace {
  const existing = new Set(blocks.map(({ spec }) => spec.cidr));
  const cidr = nextBlock({ layout, ranges, existing, last });
  if (cidr) return { kind: "lease", cidr };
  const own = blocks.filter(({ spec }) => spec.host === "");
  const block = emptiest(own, ranges, nowMs)[0];
  return block ? { kind: "leaseOut", block } : { kind: "none" };
}

/** Those with a free address, the one with most first. */
function emptiest(
  blocks: readonly IpBlock[],
  ranges: readonly IpRange[],
  nowMs: number,
): IpBlock[] {
  return blocks
    .map((block) => ({ block, free: freeIn(block, ranges, nowMs) }))
    .filter(({ free }) => free > 0)
    .sort((a, b) => b.free - a.free)
    .map(({ block }) => block);
}

/** Ranges as a claim on this block has them. */
export const claimRanges = ({ spec }: IpBlock, ranges: readonly IpRange[]): Claim["ranges"] =>
  intersectRanges(ranges, [rangeOfPrefix(parsePrefix(spec.cidr))]).map((range) => [
    formatIp(firstOf(range)),
    formatIp(lastOf(range)),
  ]);
