/** How values are written in packets: numbers, texts, lists, hardware addresses. */
import type { Reader, Writer } from "../lib/bytes.ts";

/** How a value is written and read. `read` gets exactly the option's bytes. Throws DecodeError. */
export interface Format<T> {
  write(out: Writer, value: T): void;
  read(from: Reader): T;
}

/** The value that a format is of. */
export type Value<F> = F extends Format<infer T> ? T : never;

export const u8: Format<number> = {
  write: (out, value) => out.u8(value),
  read: (from) => from.u8(),
};

export const u16: Format<number> = {
  write: (out, value) => out.u16be(value),
  read: (from) => from.u16be(),
};

export const u32: Format<number> = {
  write: (out, value) => out.u32be(value),
  read: (from) => from.u32be(),
};

/** Text in UTF-8. Some servers end it with a NUL, which is none of it (RFC 2132 section 2). */
export const text: Format<string> = {
  write: (out, value) => out.raw(new TextEncoder().encode(value)),
  read: (from) => new TextDecoder().decode(from.raw(from.left)).replace(/\0+$/, ""),
};

export const raw: Format<Uint8Array> = {
  write: (out, value) => out.raw(value),
  read: (from) => from.raw(from.left).slice(),
};

/** One after the other, to the end. What is left of a last one that is cut short is no value. */
export function listOf<T>(item: Format<T>, itemBytes: number): Format<T[]> {
  return {
    write: (out, values) => {
      for (const value of values) item.write(out, value);
    },
    read: (from) => {
      const values: T[] = [];
      while (from.left >= itemBytes) values.push(item.read(from));
      return values;
    },
  };
}

const macBytes = 6;

/** `02:00:5e:00:53:01` as six bytes. Throws RangeError. */
export function macToBytes(mac: string): Uint8Array {
  const octets = mac.split(":").map((digits) => Number.parseInt(digits, 16));
  if (octets.length !== macBytes || octets.some((octet) => !(octet >= 0 && octet <= 255))) {
    throw new RangeError(`"${mac}" is no hardware address`);
  }
  return Uint8Array.from(octets);
}

export function bytesToMac(octets: Uint8Array): string {
  return [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}
