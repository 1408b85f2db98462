/**
 * Netlink attributes and fixed headers as tables: a codec writes and reads one value.
 * Source: the kernel's include/uapi/linux/netlink.h. Little-endian hosts only.
 */
import { DecodeError, type Reader, type Writer } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";

/** Writes and reads one value. `read` gets a window that holds the value's bytes and no more. */
export interface Codec<T> {
  write(out: Writer, value: T): void;
  read(from: Reader): T;
  /** The attribute holds attributes: NLA_F_NESTED is set on its type. */
  readonly nested?: boolean;
}

/** A value that always takes `size` bytes. */
export interface FixedCodec<T> extends Codec<T> {
  readonly size: number;
}

export type Value<C> = C extends Codec<infer T> ? T : never;

const nestedFlag = 0x8000;
const typeMask = 0x3fff;

export const u8: FixedCodec<number> = { size: 1, write: (o, v) => o.u8(v), read: (r) => r.u8() };
export const u16: FixedCodec<number> = { size: 2, write: (o, v) => o.u16(v), read: (r) => r.u16() };
export const u32: FixedCodec<number> = { size: 4, write: (o, v) => o.u32(v), read: (r) => r.u32() };
export const i32: FixedCodec<number> = { size: 4, write: (o, v) => o.i32(v), read: (r) => r.i32() };
export const u64: FixedCodec<bigint> = { size: 8, write: (o, v) => o.u64(v), read: (r) => r.u64() };
export const u16be: FixedCodec<number> = {
  size: 2,
  write: (o, v) => o.u16be(v),
  read: (r) => r.u16be(),
};
export const u32be: FixedCodec<number> = {
  size: 4,
  write: (o, v) => o.u32be(v),
  read: (r) => r.u32be(),
};
export const u64be: FixedCodec<bigint> = {
  size: 8,
  write: (o, v) => o.u64be(v),
  read: (r) => r.u64be(),
};

/** One byte, 0 or 1. */
export const bool: FixedCodec<boolean> = {
  size: 1,
  write: (o, v) => o.u8(v ? 1 : 0),
  read: (r) => r.u8() !== 0,
};

/** An attribute without a value, true by its presence. */
export const flag: Codec<true> = { write: () => {}, read: () => true };

/** Bytes as they are. */
export const binary: Codec<Uint8Array> = {
  write: (o, v) => o.raw(v),
  read: (r) => r.raw(r.left).slice(),
};

/** NUL-terminated UTF-8. The terminator may lack when reading. */
export const string: Codec<string> = {
  // Names are ASCII, and the first use of an encoder or a decoder costs tens of microseconds.
  write: (o, v) => {
    if (v.includes("\0")) throw new RangeError(`${JSON.stringify(v)} holds a NUL`);
    for (let at = 0; at < v.length; at++) {
      const code = v.charCodeAt(at);
      if (code > 0x7f) {
        o.raw(new TextEncoder().encode(v.slice(at)));
        break;
      }
      o.u8(code);
    }
    o.u8(0);
  },
  read: (r) => {
    let text = "";
    while (r.left > 0) {
      const byte = r.u8();
      if (byte === 0) break;
      if (byte > 0x7f) return text + decodeText(byte, r.raw(r.left));
      text += String.fromCharCode(byte);
    }
    return text;
  },
};

/** UTF-8 up to a NUL. */
function decodeText(first: number, rest: Uint8Array): string {
  const nul = rest.indexOf(0);
  const bytes = nul < 0 ? rest : rest.subarray(0, nul);
  return new TextDecoder().decode(Uint8Array.of(first, ...bytes));
}

const hexDigits = "0123456789abcdef";

/** A hardware address of any length as lower-case hex with colons. Throws RangeError. */
export const mac: Codec<string> = {
  write: (o, v) => {
    for (let at = 0; at < v.length; at += 3) {
      const high = hexDigits.indexOf(v.charAt(at).toLowerCase());
      const low = hexDigits.indexOf(v.charAt(at + 1).toLowerCase());
      const ends = at + 2 === v.length || (v.charAt(at + 2) === ":" && at + 3 < v.length);
      // An empty charAt is found at 0.
      if (high < 0 || low < 0 || at + 1 >= v.length || !ends) {
        throw new RangeError(`"${v}" is no hardware address`);
      }
      o.u8(high * 16 + low);
    }
  },
  read: (r) => {
    let text = "";
    while (r.left > 0) {
      const byte = r.u8();
      text += `${text === "" ? "" : ":"}${hexDigits.charAt(byte >> 4)}${hexDigits.charAt(byte & 15)}`;
    }
    return text;
  },
};

/** An IPv4 or IPv6 address in canonical text; the length tells the family. */
export const ip: Codec<string> = {
  write: (o, v) => o.raw(ipToBytes(v)),
  read: (r) => {
    if (r.left !== 4 && r.left !== 16) {
      throw new DecodeError(`an address has 4 or 16 bytes, not ${r.left}`, r.at);
    }
    return bytesToIp(r.raw(r.left));
  },
};

/** A number that stands for one of some names; a number without a name reads as itself. */
export function oneOf<const Names extends Record<string, number>>(
  names: Names,
  base: FixedCodec<number>,
): FixedCodec<keyof Names | number> & { readonly names: Names } {
  return {
    names,
    size: base.size,
    write: (o, v) => {
      const number = typeof v === "number" ? v : names[v];
      if (number === undefined) throw new RangeError(`"${String(v)}" is no known value`);
      base.write(o, number);
    },
    read: (r) => {
      const number = base.read(r);
      for (const name in names) if (names[name] === number) return name;
      return number;
    },
  };
}

/** Attribute name → [type number, codec]. */
export type AttrTable = Record<string, readonly [number, Codec<any>]>;

/** The value of a table: every attribute optional. */
export type Attrs<T extends AttrTable> = { -readonly [K in keyof T]?: Value<T[K][1]> };

/** Appends one attribute: header, value, padding. */
export function writeAttr<T>(out: Writer, type: number, codec: Codec<T>, value: T): void {
  const at = out.length;
  out.u16(0);
  out.u16(codec.nested ? type | nestedFlag : type);
  codec.write(out, value);
  const length = out.length - at;
  if (length > 0xffff) throw new RangeError(`attribute ${type} has ${length} bytes, at most 65535`);
  out.patchU16(at, length);
  out.align(4);
}

/** Calls `visit` with the type and the window of each attribute. Throws DecodeError. */
export function eachAttr(from: Reader, visit: (type: number, value: Reader) => void): void {
  // The kernel itself tolerates up to 3 trailing bytes.
  while (from.left >= 4) {
    const start = from.u32();
    const type = (start >>> 16) & typeMask;
    visit(type, from.window(valueLength(start, from)));
    skipPadding(start, from);
  }
}

/** Of an attribute that starts with `start`: its length in the low half, type and flags above. */
function valueLength(start: number, from: Reader): number {
  const length = start & 0xffff;
  if (length >= 4) return length - 4;
  throw new DecodeError(`attribute ${(start >>> 16) & typeMask} has length ${length}`, from.at - 4);
}

function skipPadding(start: number, from: Reader): void {
  const padding = -start & 3;
  if (padding > 0) from.skip(Math.min(padding, from.left));
}

/** A run of attributes by table. */
export interface AttrsCodec<T extends AttrTable> extends Codec<Attrs<T>> {
  readonly table: T;
}

/** A run of attributes by table. Unknown ones are skipped; of repeated ones the last counts. */
export function attrs<const T extends AttrTable>(table: T): AttrsCodec<T> {
  let names: string[] | undefined;
  return {
    table,
    nested: true,
    write: (o, value) => {
      for (const name in table) {
        const item = value[name];
        if (item === undefined) continue;
        const entry = table[name]!;
        writeAttr(o, entry[0], entry[1], item);
      }
    },
    read: (r) => {
      names ??= namesByType(table);
      const value: Record<string, unknown> = {};
      // As eachAttr, in one go: most attributes of a link are not in the table.
      while (r.left >= 4) {
        const start = r.u32();
        const length = valueLength(start, r);
        const padding = -start & 3;
        const name = names[(start >>> 16) & typeMask];
        if (name !== undefined) {
          value[name] = table[name]![1].read(r.window(length));
          if (padding > 0) r.skip(Math.min(padding, r.left));
        } else {
          r.skip(Math.max(length, Math.min(length + padding, r.left)));
        }
      }
      if (r.left > 0) r.skip(r.left);
      return value as Attrs<T>;
    },
  };
}

function namesByType(table: AttrTable): string[] {
  const names: string[] = [];
  for (const name in table) names[table[name]![0]] = name;
  return names;
}

/** A nest of attributes that all have one type and the same kind of value. */
export function listOf<T>(type: number, codec: Codec<T>): Codec<T[]> {
  return {
    nested: true,
    write: (o, values) => {
      for (const value of values) writeAttr(o, type, codec, value);
    },
    read: (r) => {
      const values: T[] = [];
      eachAttr(r, (found, window) => {
        if (found === type) values.push(codec.read(window));
      });
      return values;
    },
  };
}

/** A fixed struct. Absent fields are written as zeros. */
export interface StructCodec<S> extends FixedCodec<S> {
  readonly fields: Record<string, FixedCodec<any>>;
  write(out: Writer, value: Partial<S>): void;
}

/** A fixed struct: fields in order, no implied padding. */
export function struct<const F extends Record<string, FixedCodec<any>>>(
  fields: F,
): StructCodec<{ -readonly [K in keyof F]: Value<F[K]> }> {
  let size = 0;
  for (const name in fields) size += fields[name]!.size;
  return {
    fields,
    size,
    write: (o: Writer, value: Record<string, unknown>) => {
      for (const name in fields) {
        const field = value[name];
        if (field === undefined) o.zeros(fields[name]!.size);
        else fields[name]!.write(o, field);
      }
    },
    read: (r: Reader) => {
      const value: Record<string, unknown> = {};
      for (const name in fields) value[name] = fields[name]!.read(r);
      return value;
    },
  } as never;
}
