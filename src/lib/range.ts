/** Runs of addresses from a first to a last one, both inside. */
import { AddressError, compareIp, type Family, formatIp, type Ip } from "./ip.ts";
import { firstAddress, lastAddress, type Prefix } from "./prefix.ts";

/** Addresses of one family. `first` is not above `last`. */
export interface IpRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** The range from `first` to `last`. Throws AddressError if they differ in family or order. */
export function ipRange(first: Ip, last: Ip): IpRange {
  if (first.family !== last.family || compareIp(first, last) > 0) {
    const text = `${formatIp(first)}-${formatIp(last)}`;
    throw new AddressError(text, `"${text}" is not a range: it ends before it starts`);
  }
  return { family: first.family, first: first.value, last: last.value };
}

/** All addresses of a network, its own and its broadcast address too. */
export const rangeOfPrefix = (prefix: Prefix): IpRange =>
  ipRange(firstAddress(prefix), lastAddress(prefix));

/** `10.1.0.5-10.1.0.9`. */
export const formatRange = (range: IpRange): string =>
  `${formatIp(firstOf(range))}-${formatIp(lastOf(range))}`;

export const firstOf = (range: IpRange): Ip => ({ family: range.family, value: range.first });
export const lastOf = (range: IpRange): Ip => ({ family: range.family, value: range.last });

/** Number of addresses, at least 1. */
export const rangeSize = (range: IpRange): bigint => range.last - range.first + 1n;

export const rangeContains = (range: IpRange, ip: Ip): boolean =>
  range.family === ip.family && range.first <= ip.value && ip.value <= range.last;

/** Whether the two share an address. */
export const rangesOverlap = (a: IpRange, b: IpRange): boolean =>
  a.family === b.family && a.first <= b.last && b.first <= a.last;

/** The addresses that are in any of these, as ranges in order that neither touch nor overlap. */
export function mergeRanges(ranges: readonly IpRange[]): IpRange[] {
  const sorted = ranges.toSorted((a, b) => compareIp(firstOf(a), firstOf(b)));
  const merged: IpRange[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    if (before?.family !== range.family || range.first > before.last + 1n) merged.push(range);
    else if (range.last > before.last) merged[merged.length - 1] = { ...before, last: range.last };
  }
  return merged;
}

/** The addresses that are in any of `ranges` and in any of `others`, merged. */
export const intersectRanges = (
  ranges: readonly IpRange[],
  others: readonly IpRange[],
): IpRange[] =>
  mergeRanges(
    ranges.flatMap((a) =>
      others.filter((b) => rangesOverlap(a, b)).map((b) => ({ ...a, ...innerEnds(a, b) })),
    ),
  );

const innerEnds = (a: IpRange, b: IpRange) => ({
  first: a.first > b.first ? a.first : b.first,
  last: a.last < b.last ? a.last : b.last,
});

/** The addresses that are in any of `ranges` and in none of `holes`, merged. */
export function subtractRanges(ranges: readonly IpRange[], holes: readonly IpRange[]): IpRange[] {
  let left = mergeRanges(ranges);
  for (const hole of holes) {
    left = left.flatMap((range) => {
      if (!rangesOverlap(range, hole)) return [range];
      const below = { ...range, last: hole.first - 1n };
      const above = { ...range, first: hole.last + 1n };
      return [below, above].filter(({ first, last }) => first <= last);
    });
  }
  return left;
}
