/**
 * The ranges that host-local gives addresses from. A range set gives one address an attachment,
 * from any of its ranges. Source: the reference plugin host-local 1.9.1.
 */
import { compareIp, equalIp, formatIp, type Ip } from "../lib/ip.ts";
import {
  broadcastOf,
  containsIp,
  firstAddress,
  formatPrefix,
  lastAddress,
  type Prefix,
} from "../lib/prefix.ts";
import { ipRange, rangeContains, rangeSize, rangesOverlap } from "../lib/range.ts";
import { ConfigError } from "../model/config-error.ts";
import { listOf, object, type Parser, record, unlessEmpty } from "../model/parse.ts";
import { ip, network } from "./parse.ts";

/** Addresses `first` to `last` of a subnet, without its gateway. */
export interface AddressRange {
  readonly subnet: Prefix;
  readonly first: Ip;
  readonly last: Ip;
  /** May lie outside the range and the subnet. */
  readonly gateway: Ip;
}

/** Ranges of one family that share no address. Never empty. */
export type RangeSet = readonly AddressRange[];

const rangeFields = object({
  subnet: network,
  rangeStart: unlessEmpty(ip),
  rangeEnd: unlessEmpty(ip),
  gateway: unlessEmpty(ip),
});

/** One range; `rangeStart`, `rangeEnd` and `gateway` have defaults. */
export const addressRange: Parser<AddressRange> = (value, path) => {
  const { subnet, rangeStart, rangeEnd, gateway } = rangeFields(value, path);
  if (subnet.length > (subnet.family === 4 ? 30 : 126)) {
    throw new ConfigError(
      `${path}.subnet`,
      `"${formatPrefix(subnet)}" is too small to give addresses: ` +
        `take a prefix length of ${subnet.family === 4 ? 30 : 126} or less`,
    );
  }
  for (const [field, end] of Object.entries({ rangeStart, rangeEnd })) {
    if (end && !containsIp(subnet, end)) {
      const message = `"${formatIp(end)}" is not in subnet "${formatPrefix(subnet)}"`;
      throw new ConfigError(`${path}.${field}`, message);
    }
  }
  if (gateway && gateway.family !== subnet.family) {
    const message = `"${formatIp(gateway)}" is of another family than the subnet`;
    throw new ConfigError(`${path}.gateway`, message);
  }
  const first = rangeStart ?? neighbour(firstAddress(subnet), 1n);
  const last =
    rangeEnd ?? (broadcastOf(subnet) ? neighbour(lastAddress(subnet), -1n) : lastAddress(subnet));
  if (compareIp(first, last) > 0) {
    throw new ConfigError(
      `${path}.${rangeStart ? "rangeStart" : "rangeEnd"}`,
      `the range ends at "${formatIp(last)}", before its start "${formatIp(first)}"`,
    );
  }
  return { subnet, first, last, gateway: gateway ?? neighbour(firstAddress(subnet), 1n) };
};

const neighbour = (of: Ip, step: bigint): Ip => ({ family: of.family, value: of.value + step });

/** A range set as the user wrote it, with the path of each of its ranges. */
interface Written {
  readonly set: RangeSet;
  readonly paths: readonly string[];
}

const writtenSets: Parser<Written[]> = (value, path) =>
  listOf<Written>((set, setPath) => {
    const ranges = listOf(addressRange)(set, setPath);
    if (ranges.length === 0) throw new ConfigError(setPath, "is empty, must hold a range");
    return { set: ranges, paths: ranges.map((_, i) => `${setPath}[${i}]`) };
  })(value, path);

/**
 * All range sets of a configuration: the runtime's `ipRanges`, then the old-style single range,
 * then `ranges`. Their order numbers `last_reserved_ip.<n>`. Throws ConfigError.
 */
export function parseRangeSets(ipam: unknown, ipRanges: unknown): RangeSet[] {
  const { subnet, ranges } = object({ subnet: anything, ranges: anything })(ipam, "ipam");
  const sets = writtenSets(ipRanges, "runtimeConfig.ipRanges");
  if (subnet !== undefined && subnet !== null) {
    sets.push({ set: [addressRange(record(ipam, "ipam"), "ipam")], paths: ["ipam"] });
  }
  sets.push(...writtenSets(ranges, "ipam.ranges"));
  if (sets.length === 0) {
    throw new ConfigError("ipam.ranges", 'missing: name a range, as [[{"subnet": "10.1.0.0/24"}]]');
  }
  checkOverlap(sets);
  return sets.map(({ set }) => set);
}

const anything: Parser<unknown> = (value) => value;

/** Ranges must not meet: not in a set, and not across sets. A set has one family. */
function checkOverlap(sets: readonly Written[]): void {
  const seen: { range: AddressRange; path: string }[] = [];
  for (const { set, paths } of sets) {
    for (const [i, range] of set.entries()) {
      const path = paths[i]!;
      if (range.subnet.family !== set[0]!.subnet.family) {
        const message = `is IPv${range.subnet.family} in a range set of IPv${set[0]!.subnet.family}`;
        throw new ConfigError(path, `${message}: give each family a set of its own`);
      }
      const other = seen.find((each) => rangesOverlap(span(each.range), span(range)));
      if (other) {
        const theirs = `"${other.path}" (${formatSpan(other.range)})`;
        throw new ConfigError(path, `${formatSpan(range)} overlaps with ${theirs}`);
      }
      seen.push({ range, path });
    }
  }
}

const span = (range: AddressRange) => ipRange(range.first, range.last);

/** `10.1.0.1-10.1.0.254`. */
const formatSpan = (range: AddressRange): string =>
  `${formatIp(range.first)}-${formatIp(range.last)}`;

/** `10.1.0.1-10.1.0.254,10.2.0.1-10.2.0.254`. */
export const formatRangeSet = (set: RangeSet): string => set.map(formatSpan).join(",");

/** The set's range that holds the address. */
export const rangeFor = (set: RangeSet, address: Ip): AddressRange | undefined =>
  set.find((range) => rangeContains(span(range), address));

/** Whether the address is a gateway of any of the sets. */
export const isGateway = (sets: readonly RangeSet[], address: Ip): boolean =>
  sets.some((set) => set.some((range) => equalIp(range.gateway, address)));

/** How many addresses a set can give at most: its gateways are not given. */
export function capacity(set: RangeSet, sets: readonly RangeSet[] = [set]): bigint {
  const gateways = new Set(
    sets
      .flat()
      .filter(({ gateway }) => rangeFor(set, gateway))
      .map(({ gateway }) => gateway.value),
  );
  return set.reduce((sum, range) => sum + rangeSize(span(range)), 0n) - BigInt(gateways.size);
}
