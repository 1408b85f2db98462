/** Claims: the control plane asks a block's holder to set a single address aside. */
import { parseIp } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import { type IpRange, ipRange } from "../lib/range.ts";
import {
  type BlockAllocation,
  changed,
  type Holding,
  hold,
  isAmong,
  nextFree,
  obstacle,
  ownFree,
  rest,
} from "./block-allocation.ts";

/** A wish for one address of a block. Stands in the block's object until its user is gone. */
export interface Claim {
  /** Never used again, not even for the same owner. */
  readonly id: string;
  /** A port's uid. */
  readonly owner: string;
  /** This one, in canonical text; without it any in `ranges`, the identity's own first. */
  readonly address?: string;
  /** Where it may be: the first and last of each, in canonical text. */
  readonly ranges?: readonly (readonly [first: string, last: string])[];
  readonly identity?: string;
  /** As of a `Holding`. */
  readonly stickyForMs?: number;
  /** As of a `Holding`: of an attachment of the same port, which may hold the address now. */
  readonly takesFrom?: string;
}

/** What the holder said. Final: a claim is answered once. */
export type Answer =
  | { readonly kind: "granted"; readonly address: string }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "none" };

/** The holder's answer to a claim, as its state has it. */
export function answerTo({ held, refused }: BlockAllocation, id: string): Answer {
  const address = Object.entries(held).find(([, { claim }]) => claim === id)?.[0];
  if (address !== undefined) return { kind: "granted", address };
  const reason = refused[id];
  return reason === undefined ? { kind: "none" } : { kind: "refused", reason };
}

/**
 * Brings the state in line with all claims on the block: frees what ended ones hold, then answers
 * new ones in their order. Who has returned or lost the block answers none.
 */
export function heedClaims(
  state: BlockAllocation,
  claims: readonly Claim[],
  nowMs: number,
): BlockAllocation {
  if (state.stage === "returned" || state.stage === "lost") return state;
  return claims.reduce(
    (done, claim) => (answerTo(done, claim.id).kind === "none" ? decide(done, claim, nowMs) : done),
    endClaims(state, claims, nowMs),
  );
}

function endClaims(
  state: BlockAllocation,
  claims: readonly Claim[],
  nowMs: number,
): BlockAllocation {
  const ids = new Set(claims.map(({ id }) => id));
  const ended = Object.entries(state.held).flatMap(([address, { claim }]) =>
    claim !== undefined && !ids.has(claim) ? [address] : [],
  );
  const freed = rest(state, ended, nowMs);
  const refusals = Object.entries(freed.refused);
  const kept = refusals.filter(([id]) => ids.has(id));
  return kept.length === refusals.length
    ? freed
    : changed(freed, { refused: Object.fromEntries(kept) });
}

function decide(state: BlockAllocation, claim: Claim, nowMs: number): BlockAllocation {
  const { id, owner } = claim;
  const found = claim.address === undefined ? anyFor(state, claim, nowMs) : claim.address;
  const reason = found === undefined ? "no address is free" : whyNot(state, found, claim, nowMs);
  if (reason !== undefined) return changed(state, { refused: { ...state.refused, [id]: reason } });
  const { identity, stickyForMs } = takenOver(state, found!, claim) ?? claim;
  return hold(state, found!, {
    owner,
    claim: id,
    ...(identity !== undefined && { identity }),
    ...(stickyForMs !== undefined && { stickyForMs }),
  });
}

/** What the port's own attachment holds: it moves, and its address with it. */
export function takenOver(
  { held }: BlockAllocation,
  address: string,
  { takesFrom }: Pick<Claim, "takesFrom">,
): Holding | undefined {
  const holding = held[address];
  const isOwn = takesFrom !== undefined && holding?.owner === takesFrom;
  return isOwn && holding.claim === undefined ? holding : undefined;
}

function anyFor(state: BlockAllocation, claim: Claim, nowMs: number): string | undefined {
  const ranges = rangesOf(claim);
  const own = claim.identity && ownFree(state, claim.identity, { ranges, nowMs });
  return (own || nextFree(state, ranges, nowMs))?.address;
}

function whyNot(
  state: BlockAllocation,
  address: string,
  claim: Claim,
  nowMs: number,
): string | undefined {
  if (!containsIp(parsePrefix(state.cidr), parseIp(address))) {
    return `it is not in block "${state.cidr}"`;
  }
  if (claim.ranges && !isAmong(rangesOf(claim), address)) return "nobody may have it";
  if (takenOver(state, address, claim)) return undefined;
  return obstacle(state, address, { identity: claim.identity, nowMs });
}

const rangesOf = ({ ranges = [] }: Claim): IpRange[] =>
  ranges.map(([first, last]) => ipRange(parseIp(first), parseIp(last)));
