/** Which addresses of one block are held, by whom, and which ones rest after their last holder. */
import { formatIp, parseIp } from "../lib/ip.ts";
import { parsePrefix } from "../lib/prefix.ts";
import { type IpRange, intersectRanges, rangeContains, rangeOfPrefix } from "../lib/range.ts";
import type { SubnetName } from "./block.ts";
import type { Claim } from "./claim.ts";

/**
 * - `giving`: its holder gives free addresses.
 * - `recalled`: no more, because the control plane wants it back; what is held stays.
 * - `returned`: never again, and none is held but for claims. Final.
 * - `lost`: the control plane gave it to another. What is held stays until it is freed. Final.
 */
export type BlockStage = "giving" | "recalled" | "returned" | "lost";

/**
 * The state of a block on its holder, who alone gives its free addresses. JSON as it stands, and
 * durable before anything is done that relies on it. Never changed: functions give a new one, or
 * the same where nothing changes.
 */
export interface BlockAllocation {
  /** Name of the block's object. */
  readonly block: string;
  readonly subnet: SubnetName;
  /** Canonical text. */
  readonly cidr: string;
  /** Which of the block's leases this is; another holder has another. */
  readonly lease: string;
  readonly stage: BlockStage;
  /** The boot of the host in which the control plane last confirmed the lease; "" off hosts. */
  readonly boot: string;
  /** Of the newest view that was heeded; older ones are not. */
  readonly revision: number;
  /** Grows by one with each change, so that reports can be told apart. */
  readonly sequence: number;
  /** Of the report that it was opened from for want of its file, until that is confirmed. */
  readonly reopenedFrom?: number;
  /** By address, in canonical text. */
  readonly held: Readonly<Record<string, Holding>>;
  /** Free addresses that were held before. */
  readonly rested: Readonly<Record<string, Rest>>;
  /** Why, by the id of a claim. An answer is final; it goes with its claim. */
  readonly refused: Readonly<Record<string, string>>;
}

export interface Holding {
  /** `<containerId>/<ifName>`, or a port's uid. */
  readonly owner: string;
  /** What the workload is, however often it is made anew. */
  readonly identity?: string;
  /** The address is kept so long for the identity after the owner is gone, in ms. */
  readonly stickyForMs?: number;
  /** Id of the claim that it is held for; only the claim's end frees it. */
  readonly claim?: string;
}

export interface Rest {
  /** When it was freed: ms since 1970. */
  readonly since: number;
  readonly identity?: string;
  /** Until then only its identity gets it: ms since 1970. */
  readonly keptUntil?: number;
}

export interface FreeAddress {
  readonly address: string;
  /** Since when it rests: ms since 1970; 0 where nobody had it yet. */
  readonly since: number;
  /** As of a `Rest`; 0 where it is kept for nobody. */
  readonly keptUntil: number;
}

/** Sorts an identity's addresses: first the one that is kept longest, then the one it had last. */
export const byBelonging = (a: FreeAddress, b: FreeAddress): number =>
  b.keptUntil - a.keptUntil || b.since - a.since;

/** What of a block's object its holder needs. */
export interface LeasedBlock {
  readonly name: string;
  readonly subnet: SubnetName;
  readonly cidr: string;
  readonly lease: string;
  /** The control plane wants it back. */
  readonly recalled: boolean;
  readonly claims: readonly Claim[];
  /** The last report, maybe of an earlier lease: then what rests and what is kept goes on. */
  readonly last?: BlockAllocation;
}

/**
 * A block as it begins: nothing held, and nothing given before it is confirmed. Who reported on
 * this lease before has lost his file since, and begins with what he reported.
 */
export const openBlock = (leased: LeasedBlock, nowMs: number): BlockAllocation =>
  leased.last?.lease === leased.lease ? { ...leased.last, boot: "" } : emptyBlock(leased, nowMs);

/** What the last holder held is free here, kept for its identity, until the claims are heeded. */
const emptyBlock = (
  { name, subnet, cidr, lease, last }: LeasedBlock,
  nowMs: number,
): BlockAllocation => ({
  block: name,
  subnet,
  cidr,
  lease,
  stage: "giving",
  boot: "",
  revision: 0,
  sequence: 0,
  held: {},
  rested: last ? rest(last, Object.keys(last.held), nowMs).rested : {},
  refused: {},
});

/** With changes, as the next of its states. */
export const changed = (
  state: BlockAllocation,
  change: Partial<BlockAllocation>,
): BlockAllocation => ({ ...state, ...change, sequence: state.sequence + 1 });

/** Sets an address aside for a holder. */
export const hold = (
  state: BlockAllocation,
  address: string,
  holding: Holding,
): BlockAllocation => {
  const { [address]: _, ...rested } = state.rested;
  return changed(state, { held: { ...state.held, [address]: holding }, rested });
};

/** Frees addresses. */
export function rest(
  state: BlockAllocation,
  addresses: readonly string[],
  nowMs: number,
): BlockAllocation {
  if (addresses.length === 0) return state;
  const held = { ...state.held };
  const rested = { ...state.rested };
  for (const address of addresses) {
    const { identity, stickyForMs } = held[address]!;
    delete held[address];
    rested[address] = {
      since: nowMs,
      ...(identity !== undefined && { identity }),
      ...(identity !== undefined && stickyForMs && { keptUntil: nowMs + stickyForMs }),
    };
  }
  return changed(state, { held, rested });
}

/** Frees what the owner holds here, if anything. What a claim holds stays until the claim ends. */
export const free = (state: BlockAllocation, owner: string, nowMs: number): BlockAllocation =>
  freeUnless(state, (each) => each !== owner, nowMs);

/** Frees what is held by owners that are no more, as GC does and as a boot does. */
export const freeUnless = (
  state: BlockAllocation,
  isAlive: (owner: string) => boolean,
  nowMs: number,
): BlockAllocation =>
  rest(
    state,
    Object.entries(state.held).flatMap(([address, { owner, claim }]) =>
      claim === undefined && !isAlive(owner) ? [address] : [],
    ),
    nowMs,
  );

/** The address that the owner holds, in canonical text. */
export const addressOf = (state: BlockAllocation, owner: string): string | undefined =>
  Object.entries(state.held).find(([, holding]) => holding.owner === owner)?.[0];

/** Whether no container or port of the holder's own has an address of it. */
export const isIdle = ({ held }: BlockAllocation): boolean =>
  Object.values(held).every(({ claim }) => claim !== undefined);

/** Whether nobody has an address of it, and none is kept for an identity. */
export const isEmpty = ({ held, rested }: BlockAllocation, nowMs: number): boolean =>
  Object.keys(held).length === 0 && Object.values(rested).every((each) => !isKept(each, nowMs));

/** Whether only its identity gets it. */
export const isKept = ({ keptUntil }: Rest, nowMs: number): boolean =>
  keptUntil !== undefined && keptUntil > nowMs;

/** Why this address can't be given to who bears `identity`; undefined: it can. */
export function obstacle(
  { held, rested }: BlockAllocation,
  address: string,
  { identity, nowMs }: { identity?: string; nowMs: number },
): string | undefined {
  const holding = held[address];
  if (holding) return `"${holding.owner}" holds it`;
  const resting = rested[address];
  if (!resting || !isKept(resting, nowMs) || resting.identity === identity) return undefined;
  return `it is kept for "${resting.identity}" until ${new Date(resting.keptUntil!).toISOString()}`;
}

/** Free addresses in `ranges` that anybody may have: how many. */
export const countFree = (
  state: BlockAllocation,
  ranges: readonly IpRange[],
  nowMs: number,
): number => addressesIn(state, ranges).filter((each) => !obstacle(state, each, { nowMs })).length;

/** The free address here that is the identity's most. Undefined without one in `ranges`. */
export function ownFree(
  state: BlockAllocation,
  identity: string,
  { ranges, nowMs }: { ranges: readonly IpRange[]; nowMs: number },
): FreeAddress | undefined {
  return Object.entries(state.rested)
    .flatMap(([address, { identity: last, since, keptUntil = 0 }]) =>
      last === identity &&
      isAmong(ranges, address) &&
      !obstacle(state, address, { identity, nowMs })
        ? [{ address, since, keptUntil }]
        : [],
    )
    .sort(byBelonging)[0];
}

/**
 * The free address that should be given next: one that nobody had yet, else the one that rests
 * longest. Undefined without a free one in `ranges`.
 */
export function nextFree(
  state: BlockAllocation,
  ranges: readonly IpRange[],
  nowMs: number,
): FreeAddress | undefined {
  let best: FreeAddress | undefined;
  for (const address of addressesIn(state, ranges)) {
    if (obstacle(state, address, { nowMs })) continue;
    const since = state.rested[address]?.since ?? 0;
    if (!best || since < best.since) best = { address, since, keptUntil: 0 };
    if (since === 0) break;
  }
  return best;
}

/** Whether the address, in text, lies in one of the ranges. */
export function isAmong(ranges: readonly IpRange[], address: string): boolean {
  const ip = parseIp(address);
  return ranges.some((range) => rangeContains(range, ip));
}

/** The block's addresses in `ranges`, from the lowest on; none where all are held. */
function addressesIn({ cidr, held }: BlockAllocation, ranges: readonly IpRange[]): string[] {
  const whole = rangeOfPrefix(parsePrefix(cidr));
  // Of most blocks of a host with many containers there is nothing to look through.
  if (Object.keys(held).length > Number(whole.last - whole.first)) return [];
  const parts = intersectRanges([whole], ranges);
  return parts.flatMap(({ family, first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, i) =>
      formatIp({ family, value: first + BigInt(i) }),
    ),
  );
}
