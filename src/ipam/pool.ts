/** IP pools: parts of a subnet that are kept for those whom their selectors name. */
import { type IpRange, intersectRanges, subtractRanges } from "../lib/range.ts";
import { type Labels, type Selector, selects } from "../model/selector.ts";

/** A pool serves who fits every selector that it has. */
export interface Pool {
  /** Absent: the whole subnet. */
  readonly ranges?: readonly IpRange[];
  readonly tenantSelector?: Selector;
  readonly namespaceSelector?: Selector;
  /** By the port's own labels. */
  readonly labelSelector?: Selector;
  /** By the labels of the host that the port is on. */
  readonly hostSelector?: Selector;
}

/** The labels of who wants an address. What he does not have, a selector does not select. */
export interface PoolUser {
  readonly tenant?: Labels;
  readonly namespace?: Labels;
  readonly port?: Labels;
  readonly host?: Labels;
}

/**
 * The part of `ranges` that this user's address comes from: his pools' if any serves him, else what
 * no pool keeps for others. `pools` are all pools of the subnet.
 */
export function rangesFor(
  user: PoolUser,
  ranges: readonly IpRange[],
  pools: readonly Pool[],
): IpRange[] {
  const own = pools.filter((pool) => serves(pool, user));
  const rangesOf = (some: readonly Pool[]) => some.flatMap((pool) => pool.ranges ?? ranges);
  return own.length > 0
    ? intersectRanges(ranges, rangesOf(own))
    : subtractRanges(ranges, rangesOf(pools));
}

/**
 * The part of `ranges` that this user may ask for by address: all but what pools keep for others
 * and none of his own has.
 */
export function wishesFor(
  user: PoolUser,
  ranges: readonly IpRange[],
  pools: readonly Pool[],
): IpRange[] {
  const rangesOf = (isOwn: boolean) =>
    pools.filter((pool) => serves(pool, user) === isOwn).flatMap((pool) => pool.ranges ?? ranges);
  return subtractRanges(ranges, subtractRanges(rangesOf(false), rangesOf(true)));
}

/** Whether the pool is for this user. */
export function serves(pool: Pool, user: PoolUser): boolean {
  const pairs: [Selector | undefined, Labels | undefined][] = [
    [pool.tenantSelector, user.tenant],
    [pool.namespaceSelector, user.namespace],
    [pool.labelSelector, user.port],
    [pool.hostSelector, user.host],
  ];
  return pairs.every(([selector, labels]) => !selector || (labels && selects(selector, labels)));
}
