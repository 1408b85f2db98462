/** DHCPv4 options: the table of those we know, and the bytes that any are in. */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { type Format, listOf, raw, text, u8, u16, u32, type Value } from "../formats.ts";
import { classfulRoute, classlessRoutes, domainList, ip4, oneOf } from "./values.ts";

/** Source: RFC 2132 section 9.6. */
export const messageTypes = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

export type MessageType = keyof typeof messageTypes;

/** Name → number and format. Source: RFC 2132, and where another stands beside it. */
export const optionTable = {
  subnetMask: [1, ip4],
  routers: [3, listOf(ip4, 4)],
  nameservers: [6, listOf(ip4, 4)],
  hostName: [12, text],
  domain: [15, text],
  mtu: [26, u16],
  staticRoutes: [33, listOf(classfulRoute, 8)],
  requestedIp: [50, ip4],
  leaseSeconds: [51, u32],
  overload: [52, u8],
  messageType: [53, oneOf(messageTypes)],
  serverId: [54, ip4],
  requestList: [55, raw],
  message: [56, text],
  maxMessageBytes: [57, u16],
  renewSeconds: [58, u32],
  rebindSeconds: [59, u32],
  clientId: [61, raw],
  domainSearch: [119, domainList], // RFC 3397
  classlessRoutes: [121, classlessRoutes], // RFC 3442
} as const satisfies Record<string, readonly [number, Format<any>]>;

export type OptionName = keyof typeof optionTable;
export type OptionValue<Name extends OptionName> = Value<(typeof optionTable)[Name][1]>;

/** Options by number, as bytes, in the order in which they came. */
export type Options = ReadonlyMap<number, Uint8Array>;

/** An option's value; undefined where there is none, or none that makes sense. */
export function readOption<Name extends OptionName>(
  options: Options,
  name: Name,
): OptionValue<Name> | undefined {
  const [code, format] = optionTable[name];
  const bytes = options.get(code);
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return format.read(new Reader(bytes)) as OptionValue<Name>;
  } catch (error) {
    // One bad option is no reason to do without the others.
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** An option's number and bytes, for `writeOptions`. */
export function optionBytes<Name extends OptionName>(
  name: Name,
  value: OptionValue<Name>,
): [code: number, bytes: Uint8Array] {
  const [code, format] = optionTable[name];
  const out = new Writer(16);
  (format as Format<OptionValue<Name>>).write(out, value);
  return [code, out.bytes.slice()];
}

const pad = 0;
const end = 255;
const maxPiece = 255;

/** Writes options and the end mark. A value over 255 bytes goes in pieces (RFC 3396). */
export function writeOptions(out: Writer, options: Options): void {
  for (const [code, bytes] of options) {
    let at = 0;
    do {
      const piece = bytes.subarray(at, at + maxPiece);
      out.u8(code);
      out.u8(piece.length);
      out.raw(piece);
      at += maxPiece;
    } while (at < bytes.length);
  }
  out.u8(end);
}

/**
 * Reads the options of one field into `into`; the pieces of one option become one value. What
 * follows an option that is cut short is lost. Gives whether it went well.
 */
export function readOptions(field: Uint8Array, into: Map<number, Uint8Array>): boolean {
  for (let at = 0; at < field.length; ) {
    const code = field[at++]!;
    if (code === pad) continue;
    if (code === end) return true;
    const length = field[at++];
    if (length === undefined || at + length > field.length) return false;
    const piece = field.subarray(at, at + length);
    const before = into.get(code);
    into.set(code, before === undefined ? piece : joined(before, piece));
    at += length;
  }
  return true;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
