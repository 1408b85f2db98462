/** Protocol Buffers' binary form, by tables of fields. Source: protobuf.dev, encoding. */

/** Bytes that are no message of the expected kind. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

/** What a field holds on the wire: a number, or bytes whose meaning the field's type knows. */
type Raw = bigint | Uint8Array;

/** How values of one type are fields. */
export interface Type<T> {
  write(out: number[], field: number, value: T): void;
  /** `before`: what earlier occurrences of the field in the same message said. */
  read(raw: Raw, before: T | undefined): T;
}

/** A field's number and type. Numbers are for ever, names are ours. */
type Field = readonly [number: number, type: Type<any>];
export type Fields = { readonly [name: string]: Field };

/** A message: a field that is absent has its type's default (0, "", false, nothing). */
export type Message<F extends Fields> = {
  readonly [K in keyof F]?: F[K][1] extends Type<infer T> ? T : never;
};

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };
const bits64 = 64;

/** Numbers of at most 53 bits. Negative ones are of 64 bits in two's complement. */
export const integer: Type<number> = {
  write(out, field, value) {
    writeVarint(out, tag(field, wire.varint));
    writeVarint(out, BigInt.asUintN(bits64, BigInt(value)));
  },
  read: (raw) => Number(BigInt.asIntN(bits64, number(raw))),
};

export const bool: Type<boolean> = {
  write: (out, field, value) => integer.write(out, field, value ? 1 : 0),
  read: (raw) => number(raw) !== 0n,
};

export const bytes: Type<Uint8Array> = {
  write(out, field, value) {
    writeVarint(out, tag(field, wire.bytes));
    writeVarint(out, BigInt(value.length));
    for (const byte of value) out.push(byte);
  },
  read: (raw) => content(raw),
};

export const text: Type<string> = {
  write: (out, field, value) => bytes.write(out, field, utf8.encode.encode(value)),
  read: (raw) => utf8.decode.decode(content(raw)),
};

/** A number that has a name. One that this table does not know is read as `unknown`. */
export function oneOf<const N extends Readonly<Record<string, number>>>(
  names: N,
): Type<keyof N | "unknown"> {
  const byNumber = new Map(Object.entries(names).map(([name, value]) => [value, name]));
  return {
    write(out, field, value) {
      const known = names[value];
      if (known === undefined) throw new RangeError(`"${String(value)}" has no number`);
      integer.write(out, field, known);
    },
    read: (raw) => byNumber.get(Number(number(raw))) ?? "unknown",
  };
}

/** Any number of values. Numbers are read one by one and packed. */
export function list<T>(item: Type<T>): Type<readonly T[]> {
  return {
    write(out, field, values) {
      for (const value of values) item.write(out, field, value);
    },
    read(raw, before = []) {
      const isPacked = raw instanceof Uint8Array && (item as unknown) === integer;
      if (!isPacked) return [...before, item.read(raw, undefined)];
      const found = [...before];
      for (let at = 0; at < raw.length; ) {
        const [value, next] = readVarint(raw, at);
        found.push(item.read(value, undefined));
        at = next;
      }
      return found;
    },
  };
}

/** A message within a message. */
export function nested<F extends Fields>(fields: F): Type<Message<F>> {
  return {
    write: (out, field, value) => bytes.write(out, field, encode(fields, value)),
    read: (raw, before) => ({ ...before, ...decode(fields, content(raw)) }),
  };
}

/** The message's bytes. Fields that are undefined are left out. */
export function encode<F extends Fields>(fields: F, message: Message<F>): Uint8Array {
  const out: number[] = [];
  for (const [name, [field, type]] of Object.entries(fields)) {
    const value = message[name];
    if (value !== undefined) type.write(out, field, value);
  }
  return Uint8Array.from(out);
}

/** Reads a message; fields that the table lacks are passed over. Throws ProtobufError. */
export function decode<F extends Fields>(fields: F, data: Uint8Array): Message<F> {
  const byNumber = new Map(
    Object.entries(fields).map(([name, field]) => [field[0], [name, field[1]]]),
  );
  const found: Record<string, unknown> = {};
  for (const [field, raw] of occurrences(data)) {
    const known = byNumber.get(field) as [string, Type<unknown>] | undefined;
    if (known) found[known[0]] = known[1].read(raw, found[known[0]]);
  }
  return found as Message<F>;
}

function* occurrences(data: Uint8Array): Generator<[field: number, raw: Raw]> {
  for (let at = 0; at < data.length; ) {
    const [key, start] = readVarint(data, at);
    const field = Number(key >> 3n);
    const form = Number(key & 7n);
    if (form === wire.varint) {
      const [value, end] = readVarint(data, start);
      yield [field, value];
      at = end;
      continue;
    }
    const [from, length] = extent(data, start, form);
    at = from + length;
    if (at > data.length) throw new ProtobufError("a message ends within a field");
    yield [field, data.subarray(from, at)];
  }
}

function extent(data: Uint8Array, start: number, form: number): [from: number, length: number] {
  if (form === wire.fixed64) return [start, 8];
  if (form === wire.fixed32) return [start, 4];
  if (form !== wire.bytes) throw new ProtobufError(`a field has the unknown wire type ${form}`);
  const [length, from] = readVarint(data, start);
  return [from, Number(length)];
}

const tag = (field: number, form: number) => BigInt((field << 3) | form);

function number(raw: Raw): bigint {
  if (typeof raw === "bigint") return raw;
  throw new ProtobufError("a field that should be a number holds bytes");
}

function content(raw: Raw): Uint8Array {
  if (raw instanceof Uint8Array) return raw;
  throw new ProtobufError("a field that should hold bytes is a number");
}

function writeVarint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

function readVarint(data: Uint8Array, start: number): [value: bigint, next: number] {
  let value = 0n;
  for (let at = start, shift = 0n; shift < bits64; at++, shift += 7n) {
    const byte = data[at];
    if (byte === undefined) throw new ProtobufError("a message ends within a number");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [BigInt.asUintN(bits64, value), at + 1];
  }
  throw new ProtobufError("a number is longer than ten bytes");
}
