/**
 * nf_tables messages as tables. Numbers are big endian on this wire, unless they are packet data.
 * Source: include/uapi/linux/netfilter/{nfnetlink,nf_tables}.h.
 */
import type { Reader } from "../../lib/bytes.ts";
import type { NftFamily } from "../../model/nft.ts";
import {
  attrs,
  binary,
  type Codec,
  listOf,
  string,
  struct,
  u8,
  u16be,
  u32be,
  u64be,
} from "../netlink/codec.ts";
import { layout, type Message } from "../netlink/message.ts";

/** NFNL_SUBSYS_NFTABLES, the upper byte of every message type. */
export const subsystem = 10;

const message = (number: number) => (subsystem << 8) | number;

export const nftMsg = {
  newTable: message(0),
  getTable: message(1),
  delTable: message(2),
  newChain: message(3),
  getChain: message(4),
  delChain: message(5),
  newRule: message(6),
  getRule: message(7),
  delRule: message(8),
  newSet: message(9),
  getSet: message(10),
  delSet: message(11),
  newSetElem: message(12),
  getSetElem: message(13),
  delSetElem: message(14),
} as const;

/** NFPROTO_* numbers. */
export const familyNumber: Readonly<Record<NftFamily, number>> = {
  inet: 1,
  ip: 2,
  netdev: 5,
  bridge: 7,
  ip6: 10,
};

export const headerBytes = 4;

/** `struct nfgenmsg`. */
export const nftHeader = struct({ family: u8, version: u8, resId: u16be });

const i32be: Codec<number> = { write: (o, v) => o.u32be(v >>> 0), read: (r) => r.u32be() | 0 };

/** A handle: it counts up from 1 within a table, so a number holds it. */
const handle: Codec<number> = {
  write: (o, v) => o.u64be(BigInt(v)),
  read: (r) => Number(u64be.read(r)),
};

export const verdictCode = { drop: 0, accept: 1, jump: -3, goto: -4 } as const;

const verdictAttrs = { code: [1, i32be], chain: [2, string] } as const;

/** A value, or where to go. */
export const dataAttrs = { value: [1, binary], verdict: [2, attrs(verdictAttrs)] } as const;

const elementAttrs = {
  key: [1, attrs(dataAttrs)],
  data: [2, attrs(dataAttrs)],
  flags: [3, u32be],
  userdata: [6, binary],
  keyEnd: [10, attrs(dataAttrs)],
} as const;

export const elementLayout = layout(nftHeader, {
  table: [1, string],
  set: [2, string],
  elements: [3, listOf(1, attrs(elementAttrs))],
});

export const setFlag = { constant: 2, interval: 4, map: 8, object: 0x40 } as const;

/** The data type of a verdict map. */
export const verdictDataType = 0xffffff00;

export const setLayout = layout(nftHeader, {
  table: [1, string],
  name: [2, string],
  flags: [3, u32be],
  keyType: [4, u32be],
  keyLen: [5, u32be],
  dataType: [6, u32be],
  dataLen: [7, u32be],
  handle: [16, handle],
});

export const tableLayout = layout(nftHeader, {
  name: [1, string],
  use: [3, u32be],
  handle: [4, handle],
});

const hookAttrs = { number: [1, u32be], priority: [2, i32be], device: [3, string] } as const;

export const chainLayout = layout(nftHeader, {
  table: [1, string],
  handle: [2, handle],
  name: [3, string],
  hook: [4, attrs(hookAttrs)],
  policy: [5, u32be],
  use: [6, u32be],
  type: [7, string],
});

/** `data` is laid out by the expression's name. */
const expressionAttrs = { name: [1, string], data: [2, binary] } as const;

export const ruleLayout = layout(nftHeader, {
  table: [1, string],
  chain: [2, string],
  handle: [3, handle],
  expressions: [4, listOf(1, attrs(expressionAttrs))],
  userdata: [7, binary],
});

/** The same without expressions, which most readers of rules need not decode. */
export const ruleHeadLayout = layout(nftHeader, {
  table: [1, string],
  chain: [2, string],
  handle: [3, handle],
  userdata: [7, binary],
});

/** Where constants stand in the expressions that have one. */
export const immediateAttrs = attrs({ data: [2, attrs(dataAttrs)] });
export const compareAttrs = attrs({ data: [3, attrs(dataAttrs)] });

/** The family of a received message, or undefined for one that we have no name for. */
export function familyOf(number: number): NftFamily | undefined {
  for (const name in familyNumber) {
    if (familyNumber[name as NftFamily] === number) return name as NftFamily;
  }
  return undefined;
}

/** A comment in user data: libnftables's type-length-value, type 0 for rules and elements. */
export const comment: Codec<string> = {
  write: (o, v) => {
    const text = new TextEncoder().encode(v);
    if (text.length > 128) {
      throw new RangeError(`comment "${v}" has ${text.length} bytes, at most 128`);
    }
    if (text.includes(0)) throw new RangeError(`comment ${JSON.stringify(v)} holds a NUL`);
    o.u8(0);
    o.u8(text.length + 1);
    o.raw(text);
    o.u8(0);
  },
  read: (r) => findComment(r) ?? "",
};

/** The comment in user data, if there is one. Throws DecodeError on lengths past the end. */
export function findComment(from: Reader): string | undefined {
  while (from.left > 0) {
    const type = from.u8();
    const value = from.window(from.u8());
    if (type === 0) return string.read(value);
  }
  return undefined;
}

export type { Message };
