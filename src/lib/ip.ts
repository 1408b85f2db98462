/** IPv4 and IPv6 addresses: strict text in, RFC 5952 text out, as bytes or as numbers. */

/** Text or bytes that are no address, prefix or range. `input` is what was given. */
export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly input: string;

  constructor(input: string, message: string) {
    super(message);
    this.input = input;
  }
}

export type Family = 4 | 6;

/** An address as a number, for arithmetic. */
export interface Ip {
  readonly family: Family;
  /** Below 2^32 or 2^128. */
  readonly value: bigint;
}

/** Of text that is known to be an address or a prefix. */
export const familyIn = (text: string): Family => (text.includes(":") ? 6 : 4);

/** Number of bits in an address of the family. */
export const addressBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

/**
 * The address's 4 or 16 bytes in network order.
 *
 * Strict: four decimal octets without leading zeros, or RFC 4291 text (`::` for at least one
 * group, the last 32 bits dotted if wished). No zone, no prefix length. An IPv4-mapped address
 * stays 16 bytes; see `unmapped`. Throws AddressError.
 */
export function ipToBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
  if (bytes === undefined) throw new AddressError(text, `"${text}" is not an IP address`);
  return bytes;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  return octetsInto(bytes, 0, text, 0) ? bytes : undefined;
}

/** Reads the dotted octets that are all of `text` from `start` on. */
function octetsInto(bytes: Uint8Array, at: number, text: string, start: number): boolean {
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = start; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (digits === 0 || dots === 4) return false;
      bytes[at + dots++] = octet;
      octet = digits = 0;
    } else {
      const leadingZero = digits > 0 && octet === 0;
      if (code < 48 || code > 57 || leadingZero) return false;
      octet = octet * 10 + code - 48;
      if (octet > 255) return false;
      digits++;
    }
  }
  return dots === 4;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let filled = 0;
  let gapAt = -1;
  let i = 0;
  if (text.startsWith("::")) {
    gapAt = 0;
    i = 2;
  }
  while (i < text.length) {
    let group = 0;
    const start = i;
    for (let digit = hexDigit(text, i); digit >= 0 && i - start < 4; digit = hexDigit(text, i)) {
      group = group * 16 + digit;
      i++;
    }
    if (text[i] === ".") {
      if (filled > 12 || !octetsInto(bytes, filled, text, start)) return undefined;
      filled += 4;
      break;
    }
    if (i === start || filled > 14) return undefined;
    bytes[filled++] = group >> 8;
    bytes[filled++] = group & 255;
    if (i === text.length) break;
    if (text[i++] !== ":" || i === text.length) return undefined;
    if (text[i] === ":") {
      if (gapAt >= 0) return undefined;
      gapAt = filled;
      i++;
    }
  }
  if (gapAt < 0) return filled === 16 ? bytes : undefined;
  if (filled > 14) return undefined;
  bytes.copyWithin(16 - (filled - gapAt), gapAt, filled);
  bytes.fill(0, gapAt, 16 - (filled - gapAt));
  return bytes;
}

/** The value of the hexadecimal digit at `i`, or -1. */
function hexDigit(text: string, i: number): number {
  const code = text.charCodeAt(i); // NaN past the end
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** RFC 5952 text of 4 or 16 bytes; `::ffff:10.1.0.5` for a mapped one. Throws AddressError. */
export function bytesToIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new AddressError(bytes.join(" "), `An IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  if (isMapped(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const groups: string[] = [];
  let gapAt = -1;
  let gapLength = 1; // A single zero group is not shortened.
  let runLength = 0;
  for (let i = 0; i < 8; i++) {
    const group = (bytes[2 * i]! << 8) | bytes[2 * i + 1]!;
    groups.push(group.toString(16));
    runLength = group === 0 ? runLength + 1 : 0;
    if (runLength > gapLength) {
      gapLength = runLength;
      gapAt = i - runLength + 1;
    }
  }
  if (gapAt < 0) return groups.join(":");
  return `${groups.slice(0, gapAt).join(":")}::${groups.slice(gapAt + gapLength).join(":")}`;
}

/** Whether 16 bytes hold an IPv4-mapped address, `::ffff:0:0/96`. */
function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 255 && bytes[11] === 255;
}

/** As `ipToBytes`, but a number. */
export const parseIp = (text: string): Ip => ipFromBytes(ipToBytes(text));

/** The number that 4 or 16 bytes form. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** The bytes of an address, 4 or 16. */
export function bytesOfIp(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(addressBits(ip.family) / 8);
  let rest = ip.value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** RFC 5952 text. */
export const formatIp = (ip: Ip): string => bytesToIp(bytesOfIp(ip));

/** The one text that all texts of an address share. Throws AddressError. */
export const canonicalIp = (text: string): string => bytesToIp(ipToBytes(text));

/** Whether `text` is an address that `ipToBytes` accepts. */
export function isIp(text: string): boolean {
  return (text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text)) !== undefined;
}

/** `::ffff:10.1.0.5` as 10.1.0.5, which Go's net package (and so CNI) holds for the same. */
export function unmapped(ip: Ip): Ip {
  const isMappedIp = ip.family === 6 && ip.value >> 32n === 0xffffn;
  return isMappedIp ? { family: 4, value: ip.value & 0xffffffffn } : ip;
}

/** Whether both are the same address. */
export const equalIp = (a: Ip, b: Ip): boolean => a.family === b.family && a.value === b.value;

/** Negative, zero or positive; IPv4 comes before IPv6. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}
