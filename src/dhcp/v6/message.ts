/** DHCPv6 messages between clients and servers. Source: RFC 8415 sections 7.3 and 8. */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { type Options, readOptions, writeOptions } from "./options.ts";

export const messageTypes = {
  SOLICIT: 1,
  ADVERTISE: 2,
  REQUEST: 3,
  CONFIRM: 4,
  RENEW: 5,
  REBIND: 6,
  REPLY: 7,
  RELEASE: 8,
  DECLINE: 9,
} as const;

export type MessageType = keyof typeof messageTypes;

export interface Message {
  readonly type: MessageType;
  /** 24 bits: the server repeats them. */
  readonly transactionId: number;
  readonly options: Options;
}

const names = new Map<number, MessageType>(
  Object.entries(messageTypes).map(([name, number]) => [number, name as MessageType]),
);

/** Throws RangeError for what does not fit. */
export function encodeMessage({ type, transactionId, options }: Message): Uint8Array {
  if (transactionId >>> 24 !== 0) throw new RangeError(`${transactionId} does not fit 24 bits`);
  const out = new Writer(256);
  out.u32be(messageTypes[type] * 2 ** 24 + transactionId);
  writeOptions(out, options);
  return out.bytes.slice();
}

/** Throws DecodeError for other messages, those of relays too, and for what is cut short. */
export function decodeMessage(payload: Uint8Array): Message {
  const from = new Reader(payload);
  const start = from.u32be();
  const type = names.get(start >>> 24);
  if (type === undefined) throw new DecodeError(`no message has type ${start >>> 24}`, 0);
  return { type, transactionId: start & 0xffffff, options: readOptions(from) };
}
