/** How values of DHCPv4 options are written: addresses, numbers by name, lists, routes. */
import { DecodeError } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import { type Format, listOf } from "../formats.ts";

/** An IPv4 address as text. */
export const ip4: Format<string> = {
  write: (out, value) => out.raw(ipToBytes(value)),
  read: (from) => bytesToIp(from.raw(4)),
};

/** One of a few numbers, by name. */
export function oneOf<const Names extends Record<string, number>>(
  names: Names,
): Format<keyof Names & string> {
  return {
    write: (out, value) => out.u8(names[value]!),
    read: (from) => {
      const number = from.u8();
      const found = Object.keys(names).find((name) => names[name] === number);
      if (found === undefined) throw new DecodeError(`${number} is not known`, from.at);
      return found;
    },
  };
}

/** A route that a server tells of. */
export interface ServedRoute {
  /** With prefix length. */
  readonly dst: string;
  /** `0.0.0.0`: straight on the link. */
  readonly router: string;
}

/** The length that an address's class had before there were prefixes; 0 beyond class C. */
function classLength(firstOctet: number): number {
  if (firstOctet < 128) return 8;
  if (firstOctet < 192) return 16;
  return firstOctet < 224 ? 24 : 0;
}

/** Option 33: a destination without its length, and a router. Source: RFC 2132 section 5.8. */
export const classfulRoute: Format<ServedRoute> = {
  write: (out, { dst, router }) => {
    ip4.write(out, dst.split("/")[0]!);
    ip4.write(out, router);
  },
  read: (from) => {
    const octets = from.raw(4);
    const length = classLength(octets[0]!);
    return {
      dst: `${bytesToIp(withoutHostBits(octets, length))}/${length}`,
      router: ip4.read(from),
    };
  },
};

/** Option 121: length, as many octets as it needs, router. Source: RFC 3442. */
const classlessRoute: Format<ServedRoute> = {
  write: (out, { dst, router }) => {
    const [address, length] = dst.split("/");
    out.u8(Number(length));
    out.raw(ipToBytes(address!).subarray(0, Math.ceil(Number(length) / 8)));
    ip4.write(out, router);
  },
  read: (from) => {
    const length = from.u8();
    if (length > 32) throw new DecodeError(`no prefix is ${length} bits long`, from.at);
    const octets = new Uint8Array(4);
    octets.set(from.raw(Math.ceil(length / 8)));
    return {
      dst: `${bytesToIp(withoutHostBits(octets, length))}/${length}`,
      router: ip4.read(from),
    };
  },
};

export const classlessRoutes: Format<ServedRoute[]> = listOf(classlessRoute, 5);

/** RFC 3442: a client masks the bits that a server left beyond the prefix. */
function withoutHostBits(octets: Uint8Array, length: number): Uint8Array {
  return octets.map((octet, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return octet & (0xff << (8 - bits));
  });
}

const pointer = 0xc0;
const maxDomains = 64;

/** Option 119: names compressed as in DNS, all in one value. Source: RFC 3397. */
export const domainList: Format<string[]> = {
  write: (out, names) => {
    for (const name of names) {
      for (const label of name.split(".")) {
        const bytes = new TextEncoder().encode(label);
        out.u8(bytes.length);
        out.raw(bytes);
      }
      out.u8(0);
    }
  },
  read: (from) => {
    const all = from.raw(from.left);
    const names: string[] = [];
    for (let at = 0; at < all.length && names.length < maxDomains; ) {
      const { name, next } = domainAt(all, at);
      if (name !== "") names.push(name);
      at = next;
    }
    return names;
  },
};

/** Pointers lead back only, so that no two can lead to each other. Throws DecodeError. */
function domainAt(all: Uint8Array, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let next: number | undefined;
  let [at, limit] = [start, start];
  for (;;) {
    const length = all[at];
    if (length === undefined) throw new DecodeError("a name is cut short", at);
    if (length === 0) return { name: labels.join("."), next: next ?? at + 1 };
    if (length >= pointer) {
      const target = ((length & ~pointer) << 8) | (all[at + 1] ?? 0xff);
      if (target >= limit) throw new DecodeError("a name points ahead", at);
      next ??= at + 2;
      at = limit = target;
      continue;
    }
    const label = all.subarray(at + 1, at + 1 + length);
    if (length > 63 || label.length < length || labels.length > 127) {
      throw new DecodeError("a label is too long", at);
    }
    labels.push(new TextDecoder().decode(label));
    at += 1 + length;
  }
}
