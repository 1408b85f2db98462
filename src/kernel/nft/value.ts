/** Keys and data of elements as bytes: each part of a concatenation is padded to 4. */
import { DecodeError, type Reader, type Writer } from "../../lib/bytes.ts";
import type { NftData, NftValue } from "../../model/kernel-object.ts";
import type { NftType } from "../../model/nft.ts";
import { type Codec, ip, mac, string, u8, u16be, u32 } from "../netlink/codec.ts";

/** A name up to its NUL; what follows is padding. */
const linkName: Codec<string> = {
  write: string.write,
  read: (r) => {
    const bytes: number[] = [];
    while (r.left > 0) {
      const byte = r.u8();
      if (byte === 0) break;
      bytes.push(byte);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  },
};

interface ValueType {
  /** libnftables's number of the type, which sets carry for their readers. */
  readonly id: number;
  /** Bytes, without padding. */
  readonly size: number;
  /** The field of NftValue. */
  readonly field: string;
  readonly codec: Codec<any>;
  /** Largest number, or the form of a text. */
  readonly valid: number | RegExp;
}

// Ids seen in NFTA_SET_KEY_TYPE of sets that nft 1.0.6 made; they are part of its stable format.
const valueTypes: Readonly<Record<NftType, ValueType>> = {
  ipv4_addr: { id: 7, size: 4, field: "ipv4", codec: ip, valid: /^[0-9.]+$/ },
  ipv6_addr: { id: 8, size: 16, field: "ipv6", codec: ip, valid: /:/ },
  // nft has no name for it before 1.0.7: an integer of 128 bits.
  nd_target: { id: 4, size: 16, field: "ndTarget", codec: ip, valid: /:/ },
  ether_addr: {
    id: 9,
    size: 6,
    field: "mac",
    codec: mac,
    valid: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
  },
  inet_proto: { id: 12, size: 1, field: "proto", codec: u8, valid: 0xff },
  inet_service: { id: 13, size: 2, field: "l4Port", codec: u16be, valid: 0xffff },
  // A packet's mark is a number of this host: little endian.
  mark: { id: 19, size: 4, field: "mark", codec: u32, valid: 0xffffffff },
  ifname: { id: 41, size: 16, field: "ifname", codec: linkName, valid: /^[^\0/\s]{1,15}$/ },
};

const names = Object.keys(valueTypes) as NftType[];
const nameByField = new Map(names.map((name) => [valueTypes[name].field, name]));
const nameById = new Map(names.map((name) => [valueTypes[name].id, name]));
const bitsOfTypeId = 6;

/** Type and content of a value. */
function parts(value: NftValue): [NftType, string | number] {
  // Asked several times for each element of thousands: a list of entries would be most of the work.
  for (const field in value) {
    const name = nameByField.get(field);
    if (name) return [name, (value as Record<string, string | number>)[field]!];
    break;
  }
  throw new RangeError(`${JSON.stringify(value)} is no value of a set`);
}

/** The types of some values. */
export const typesOf = (values: readonly NftValue[]): NftType[] =>
  values.map((value) => parts(value)[0]);

/** The types in NFTA_SET_KEY_TYPE or NFTA_SET_DATA_TYPE; undefined if one is foreign to us. */
export function typesOfId(id: number): NftType[] | undefined {
  const types: NftType[] = [];
  for (let rest = id; rest > 0; rest >>>= bitsOfTypeId) {
    const name = nameById.get(rest & ((1 << bitsOfTypeId) - 1));
    if (!name) return undefined;
    types.unshift(name);
  }
  return types;
}

const padded = (size: number, concatenated: boolean) => (concatenated ? (size + 3) & ~3 : size);

/** Bytes of values of these types. */
export function lengthOf(types: readonly NftType[]): number {
  const concatenated = types.length > 1;
  return types.reduce((sum, name) => sum + padded(valueTypes[name].size, concatenated), 0);
}

/** Appends values. Throws RangeError for a value that its type does not hold. */
export function writeValues(out: Writer, values: readonly NftValue[]): void {
  for (const value of values) {
    const [name, content] = parts(value);
    const type = valueTypes[name];
    const fits =
      typeof type.valid === "number"
        ? typeof content === "number" &&
          Number.isInteger(content) &&
          content >= 0 &&
          content <= type.valid
        : typeof content === "string" && type.valid.test(content);
    if (!fits) throw new RangeError(`${JSON.stringify(content)} is no ${name}`);
    const at = out.length;
    type.codec.write(out, content);
    const room = padded(type.size, values.length > 1) - (out.length - at);
    if (room < 0) throw new RangeError(`${JSON.stringify(content)} is too long for ${name}`);
    out.zeros(room);
  }
}

/** Reads values of known types. Throws DecodeError. */
export function readValues(from: Reader, types: readonly NftType[]): NftValue[] {
  const length = lengthOf(types);
  if (from.left !== length) {
    throw new DecodeError(`${types.join(" . ")} has ${length} bytes, not ${from.left}`, from.at);
  }
  return types.map((name) => {
    const type = valueTypes[name];
    const window = from.window(type.size);
    const content = type.codec.read(window) as string | number;
    // The kernel compares these too: a key that differs in them is another key.
    zeros(window);
    zeros(from.window(padded(type.size, types.length > 1) - type.size));
    return { [type.field]: content } as unknown as NftValue;
  });
}

function zeros(padding: Reader): void {
  while (padding.left > 0) {
    if (padding.u8() !== 0) throw new DecodeError("padding is not zero", padding.at - 1);
  }
}

const protocolNames: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/** Values as nft writes and reads them: `tcp . 8080`. */
export function valuesText(values: readonly NftValue[]): string {
  return values
    .map((value) => {
      const [name, content] = parts(value);
      if (name === "ifname") return JSON.stringify(content);
      if (name === "inet_proto") return protocolNames[content as number] ?? String(content);
      return String(content);
    })
    .join(" . ");
}

/** Data as nft writes and reads it: `10.0.0.2 . 80`, `goto chain`. */
export function dataText(data: NftData): string {
  if ("values" in data) return valuesText(data.values);
  if ("verdict" in data) return data.verdict;
  return "goto" in data ? `goto ${data.goto}` : `jump ${data.jump}`;
}
