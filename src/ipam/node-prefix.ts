/** Node prefixes: parts of a subnet that are one host's for good. Each is made of whole blocks. */
import type { Ip } from "../lib/ip.ts";
import { containsPrefix, formatPrefix, networkOf, overlaps, type Prefix } from "../lib/prefix.ts";
import {
  type IpRange,
  intersectRanges,
  mergeRanges,
  rangeOfPrefix,
  rangesOverlap,
  subtractRanges,
} from "../lib/range.ts";
import { blockLengthOf, givenRanges, type SubnetLayout } from "./block.ts";

/** A prefix of a subnet, and whose it is. Those of two hosts never overlap. */
export interface NodePrefix {
  readonly host: string;
  readonly cidr: Prefix;
}

const spaceOf = (prefixes: readonly { readonly cidr: Prefix }[]): IpRange[] =>
  mergeRanges(prefixes.map(({ cidr }) => rangeOfPrefix(cidr)));

/**
 * The part of `ranges` from which ports on this host are given addresses: its own prefixes' if it
 * has any, else what is no host's. Undefined: of ports that have no host.
 */
export function rangesOn(
  host: string | undefined,
  ranges: readonly IpRange[],
  prefixes: readonly NodePrefix[],
): IpRange[] {
  const own = prefixes.filter((each) => each.host === host);
  return own.length > 0
    ? intersectRanges(ranges, spaceOf(own))
    : subtractRanges(ranges, spaceOf(prefixes));
}

/** Whether a host may have a block: no other's prefix has it, and its own do if it has any. */
export function isInPlace(
  { cidr, host }: { readonly cidr: Prefix; readonly host: string },
  prefixes: readonly NodePrefix[],
): boolean {
  const around = prefixes.filter((each) => overlaps(each.cidr, cidr));
  if (around.some((each) => each.host !== host)) return false;
  return around.length > 0 || prefixes.every((each) => each.host !== host);
}

/** Why this can't be a node prefix of the subnet, whoever has others; undefined: it can. */
export function prefixFault(layout: SubnetLayout, cidr: Prefix): string | undefined {
  const text = formatPrefix(cidr);
  if (!containsPrefix(layout.cidr, cidr)) {
    return `${text} is not in ${formatPrefix(layout.cidr)}`;
  }
  const least = blockLengthOf(layout);
  if (cidr.length <= least) return undefined;
  return `${text} is smaller than a block (/${least}), which only one host can have: take a larger one`;
}

interface Cutting {
  readonly layout: SubnetLayout;
  readonly length: number;
  readonly prefixes: readonly NodePrefix[];
  /** Blocks that hosts hold: a prefix with none of these comes first. */
  readonly blocks: readonly Prefix[];
}

/**
 * Prefixes of this length that are no host's, and have an address to give. Going through all takes
 * as many steps as there are such prefixes, ranges and holes, however large the subnet is.
 */
export function* freeNodePrefixes({ layout, length, prefixes, blocks }: Cutting) {
  const ranges = givenRanges(layout);
  const taken = spaceOf(prefixes);
  const inUse = spaceOf([...prefixes, ...blocks.map((cidr) => ({ cidr }))]);
  yield* freeCells(ranges, length, inUse);
  for (const cell of freeCells(ranges, length, taken)) {
    if (blocks.some((block) => overlaps(block, cell))) yield cell;
  }
}

/** Each cell that holds an address of `ranges` and none of `holes`; both are merged. */
function* freeCells(
  ranges: readonly IpRange[],
  length: number,
  holes: readonly IpRange[],
): Generator<Prefix> {
  let at = 0;
  let next: Ip = { family: 4, value: -1n };
  for (const { family, first, last } of ranges) {
    let ip: Ip = { family, value: first > next.value ? first : next.value };
    while (ip.value <= last) {
      const cell = networkOf({ family, address: ip.value, length });
      const whole = rangeOfPrefix(cell);
      while (holes[at] && holes[at]!.last < whole.first) at++;
      const hole = holes[at] && rangesOverlap(holes[at]!, whole) ? holes[at] : undefined;
      if (!hole) yield cell;
      ip = { family, value: (hole && hole.last > whole.last ? hole.last : whole.last) + 1n };
    }
    next = ip;
  }
}
