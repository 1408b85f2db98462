/** Addresses with a prefix length, `10.1.0.5/24`, and the networks that they lie in. */
import {
  AddressError,
  addressBits,
  type Family,
  formatIp,
  type Ip,
  parseIp,
  unmapped,
} from "./ip.ts";

/** An address and the length of its network's prefix. Bits past the prefix are kept. */
export interface Prefix {
  readonly family: Family;
  readonly address: bigint;
  /** 0–32 or 0–128. */
  readonly length: number;
}

/** Reads `10.1.0.5/24`: length required, decimal, no leading zeros. Throws AddressError. */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  if (slash < 0) {
    throw new AddressError(text, `"${text}" is not an address with a prefix length: no "/" in it`);
  }
  const { family, value } = parsePart(text, text.slice(0, slash));
  const digits = text.slice(slash + 1);
  const length = /^(0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= addressBits(family))) {
    throw new AddressError(
      text,
      `"${text}" has no prefix length from 0 to ${addressBits(family)} after its "/"`,
    );
  }
  return { family, address: value, length };
}

function parsePart(text: string, address: string): Ip {
  try {
    return parseIp(address);
  } catch (cause) {
    if (!(cause instanceof AddressError)) throw cause;
    throw new AddressError(text, `"${text}": ${cause.message}`);
  }
}

/** `10.1.0.5/24`, in RFC 5952 text. */
export const formatPrefix = (prefix: Prefix): string =>
  `${formatIp(ipOf(prefix))}/${prefix.length}`;

/** The address alone. */
export const ipOf = (prefix: Prefix): Ip => ({ family: prefix.family, value: prefix.address });

/** An address and a length as one. The length must fit the family. */
export const prefixOf = (ip: Ip, length: number): Prefix => ({
  family: ip.family,
  address: ip.value,
  length,
});

/** A number with the host part's bits set. */
const hostBits = (prefix: Prefix): bigint =>
  (1n << BigInt(addressBits(prefix.family) - prefix.length)) - 1n;

/** The prefix with all bits past its length cleared. */
export const networkOf = (prefix: Prefix): Prefix => ({
  ...prefix,
  address: prefix.address & ~hostBits(prefix),
});

/** The network's address: its lowest. */
export const firstAddress = (prefix: Prefix): Ip => ipOf(networkOf(prefix));

/** The network's highest address: in IPv4 its broadcast address. */
export const lastAddress = (prefix: Prefix): Ip => ({
  family: prefix.family,
  value: prefix.address | hostBits(prefix),
});

/** The broadcast address; undefined in IPv6 and in networks of one or two addresses. */
export const broadcastOf = (prefix: Prefix): Ip | undefined =>
  prefix.family === 4 && prefix.length < 31 ? lastAddress(prefix) : undefined;

/** Whether `ip` lies in the network. Never across families. */
export const containsIp = (prefix: Prefix, ip: Ip): boolean =>
  prefix.family === ip.family &&
  (prefix.address ^ ip.value) >> BigInt(addressBits(prefix.family) - prefix.length) === 0n;

/** Whether the two networks share an address: then one holds the other. */
export const overlaps = (a: Prefix, b: Prefix): boolean =>
  a.length <= b.length ? containsIp(a, ipOf(b)) : containsIp(b, ipOf(a));

/** Whether the network `inner` lies in the network `outer`, or is the same. */
export const containsPrefix = (outer: Prefix, inner: Prefix): boolean =>
  outer.length <= inner.length && containsIp(outer, ipOf(inner));

/** Whether address, length and family are equal. */
export const equalPrefix = (a: Prefix, b: Prefix): boolean =>
  a.family === b.family && a.length === b.length && a.address === b.address;

/** The fewest networks that hold the same addresses, in order: two halves become one. */
export function aggregated(prefixes: readonly Prefix[]): Prefix[] {
  const sorted = prefixes.map(networkOf).sort(inOrder);
  const found: Prefix[] = [];
  for (const next of sorted) {
    let prefix = next;
    for (let last = found.at(-1); last; last = found.at(-1)) {
      if (containsPrefix(last, prefix)) {
        found.pop();
        prefix = last;
        continue;
      }
      const whole = networkOf({ ...prefix, length: prefix.length - 1 });
      const areHalves = last.length === prefix.length && containsPrefix(whole, last);
      if (!areHalves) break;
      found.pop();
      prefix = whole;
    }
    found.push(prefix);
  }
  return found;
}

/** By family and address, what holds others before them. */
function inOrder(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.length - b.length;
}

/**
 * `::ffff:10.1.0.5/120` as 10.1.0.5/24, which Go's net package (and so CNI) holds for the same.
 * A shorter length than 96 stays as it is.
 */
export function unmappedPrefix(prefix: Prefix): Prefix {
  const ip = unmapped(ipOf(prefix));
  return ip.family === prefix.family || prefix.length < 96
    ? prefix
    : prefixOf(ip, prefix.length - 96);
}
