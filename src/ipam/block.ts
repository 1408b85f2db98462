/** Blocks: the equal cells that a subnet is cut into, each leased as a whole, and their names. */
import { type Family, formatIp, type Ip } from "../lib/ip.ts";
import {
  broadcastOf,
  firstAddress,
  formatPrefix,
  lastAddress,
  networkOf,
  type Prefix,
  prefixOf,
} from "../lib/prefix.ts";
import { type IpRange, ipRange, mergeRanges, rangeOfPrefix, subtractRanges } from "../lib/range.ts";

/** Both are DNS labels: at most 63 of `a-z`, `0-9` and `-`. */
export interface SubnetName {
  readonly namespace: string;
  readonly name: string;
}

/** What of a subnet decides which addresses are given. */
export interface SubnetLayout {
  readonly cidr: Prefix;
  /** Where addresses are taken from; empty: the whole subnet. */
  readonly allocationPools: readonly IpRange[];
  readonly gateway?: Ip;
  /** Where the network's own DNS and DHCP answer. */
  readonly serviceAddress?: Ip;
  /** Given only to who asks for that very address. */
  readonly reserved: readonly IpRange[];
  /** Prefix length of a block, within `blockLengths`; never changed while the subnet has blocks. */
  readonly blockLength?: number;
}

/** A block's state is written as a whole at each change, so a block has 256 addresses at most. */
export const blockLengths: Readonly<
  Record<Family, { readonly min: number; readonly max: number; readonly unlessSet: number }>
> = {
  4: { min: 24, max: 32, unlessSet: 26 },
  6: { min: 120, max: 128, unlessSet: 122 },
};

/** The prefix length of the subnet's blocks. A subnet smaller than that is one block. */
export const blockLengthOf = ({ cidr, blockLength }: SubnetLayout): number =>
  Math.max(blockLength ?? blockLengths[cidr.family].unlessSet, cidr.length);

/** The block that an address of the subnet lies in. */
export const blockAround = (layout: SubnetLayout, ip: Ip): Prefix =>
  networkOf(prefixOf(ip, blockLengthOf(layout)));

/** What is given to who asks for no address of his own. Merged. */
export const givenRanges = (layout: SubnetLayout): IpRange[] => {
  const { cidr, allocationPools: pools, reserved } = layout;
  const all = pools.length > 0 ? pools : [rangeOfPrefix(cidr)];
  return subtractRanges(all, [...takenRanges(layout), ...reserved]);
};

/** What may be asked for by address: reserved ones, and ones beside the pools, too. Merged. */
export const wishableRanges = (layout: SubnetLayout): IpRange[] =>
  subtractRanges([rangeOfPrefix(layout.cidr)], takenRanges(layout));

/** For what the subnet needs this address, so that no port ever gets it; undefined: for nothing. */
export const dutyOf = (layout: SubnetLayout, ip: Ip): string | undefined =>
  duties(layout).find(([, taken]) => taken.family === ip.family && taken.value === ip.value)?.[0];

const takenRanges = (layout: SubnetLayout): IpRange[] =>
  duties(layout).map(([, ip]) => ipRange(ip, ip));

/** What no port ever gets. In IPv6 the lowest address is every router's: RFC 4291 section 2.6.1. */
function duties({ cidr, gateway, serviceAddress }: SubnetLayout): [duty: string, ip: Ip][] {
  const hasOwn = cidr.length < (cidr.family === 4 ? 31 : 127);
  const all = [
    ["the gateway", gateway],
    ["the service address", serviceAddress],
    ["the network's own address", hasOwn ? firstAddress(cidr) : undefined],
    ["the broadcast address", broadcastOf(cidr)],
  ] as const;
  return all.flatMap(([duty, ip]): [string, Ip][] => (ip ? [[duty, ip]] : []));
}

/**
 * A block's name, `<namespace>.<subnet>.10-1-0-64-26`: equal for the same cell of the same subnet
 * only. Creating the object of this name leases the cell, so no two can hold it.
 */
export const blockName = ({ namespace, name }: SubnetName, cidr: Prefix): string =>
  `${namespace}.${name}.${cidrLabel(cidr)}`;

/** A DNS label. IPv6 in full, since one with `::` could begin or end with a dash. */
function cidrLabel({ family, address, length }: Prefix): string {
  const text =
    family === 4
      ? formatIp({ family, value: address }).replaceAll(".", "-")
      : address.toString(16).padStart(32, "0");
  return `${text}-${length}`;
}

export interface NextBlock {
  readonly layout: SubnetLayout;
  /** At least one address of the block lies here. */
  readonly ranges: readonly IpRange[];
  /** CIDRs, in canonical text, of the subnet's blocks that there are. */
  readonly existing: ReadonlySet<string>;
  /** The block that was leased last: what was given back waits until its turn comes again. */
  readonly last?: Prefix;
}

/**
 * The next block that does not exist, once around from `last`; undefined if there is none. Takes
 * as many steps as there are blocks and ranges, however large the subnet is.
 */
export function nextBlock({ layout, ranges, existing, last }: NextBlock): Prefix | undefined {
  for (const span of spansAfter(mergeRanges(ranges), last)) {
    let ip: Ip = { family: span.family, value: span.first };
    while (ip.value <= span.last) {
      const block = blockAround(layout, ip);
      if (!existing.has(formatPrefix(block))) return block;
      ip = { ...ip, value: lastAddress(block).value + 1n };
    }
  }
  return undefined;
}

/** The ranges, beginning after `last` and coming around to it. */
function spansAfter(ranges: readonly IpRange[], last: Prefix | undefined): IpRange[] {
  if (!last) return [...ranges];
  const end = lastAddress(last).value;
  const above = ranges.flatMap((range) => {
    const first = range.first > end ? range.first : end + 1n;
    return first <= range.last ? [{ ...range, first }] : [];
  });
  const below = ranges.flatMap((range) => {
    const lowest = range.last < end ? range.last : end;
    return range.first <= lowest ? [{ ...range, last: lowest }] : [];
  });
  return [...above, ...below];
}
