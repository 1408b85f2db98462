/** DHCPv4 messages. Source: RFC 2131 section 2. */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { bytesToMac, macToBytes } from "../formats.ts";
import {
  type MessageType,
  messageTypes,
  type Options,
  readOption,
  readOptions,
  writeOptions,
} from "./options.ts";
import { ip4 } from "./values.ts";

/** A message. Addresses are text, `0.0.0.0` where there is none. */
export interface DhcpMessage {
  readonly op: "request" | "reply";
  readonly type: MessageType;
  /** Transaction: the server repeats it. */
  readonly xid: number;
  /** Since the client began. */
  readonly secs: number;
  /** Whether the answer has to come by broadcast. */
  readonly broadcast: boolean;
  /** The client's, when it has one that it may use. */
  readonly ciaddr: string;
  /** What the server gives. */
  readonly yiaddr: string;
  /** The relay's. */
  readonly giaddr: string;
  /** The client's hardware address, with colons. */
  readonly chaddr: string;
  /** By number; 53, the type, is not among them. */
  readonly options: Options;
}

/** Fields in their order, with their bytes. */
const bytes = { chaddr: 16, sname: 64, file: 128 } as const;
const fixedBytes = 236;
const cookie = 0x63825363;
const ethernet = 1;
const macBytes = 6;
const broadcastFlag = 0x8000;
/** What BOOTP relays and old servers expect at least: RFC 1542 section 2.1. */
const minBytes = 300;
const overloadCode = 52;
const typeCode = 53;

const ops = { request: 1, reply: 2 } as const;

/** Throws RangeError and AddressError for what does not fit. */
export function encodeMessage(message: DhcpMessage): Uint8Array {
  const out = new Writer(576);
  out.u8(ops[message.op]);
  out.u8(ethernet);
  out.u8(macBytes);
  out.u8(0); // hops
  out.u32be(message.xid);
  out.u16be(Math.min(message.secs, 0xffff));
  out.u16be(message.broadcast ? broadcastFlag : 0);
  for (const address of [message.ciaddr, message.yiaddr, "0.0.0.0", message.giaddr]) {
    ip4.write(out, address);
  }
  out.raw(macToBytes(message.chaddr));
  out.zeros(bytes.chaddr - macBytes + bytes.sname + bytes.file);
  out.u32be(cookie);
  const type = Uint8Array.of(messageTypes[message.type]);
  writeOptions(out, new Map([[typeCode, type], ...message.options]));
  if (out.length < minBytes) out.zeros(minBytes - out.length);
  return out.bytes.slice();
}

/** Throws DecodeError for what is no DHCP message of an Ethernet client. */
export function decodeMessage(payload: Uint8Array): DhcpMessage {
  const from = new Reader(payload);
  const op = from.u8();
  if (op !== ops.request && op !== ops.reply) throw new DecodeError(`no message has op ${op}`, 0);
  if (from.u8() !== ethernet || from.u8() !== macBytes) {
    throw new DecodeError("the client is not on Ethernet", 1);
  }
  from.skip(1); // hops
  const [xid, secs, flags] = [from.u32be(), from.u16be(), from.u16be()];
  const [ciaddr, yiaddr, , giaddr] = [0, 1, 2, 3].map(() => ip4.read(from));
  const chaddr = bytesToMac(from.raw(bytes.chaddr).subarray(0, macBytes));
  const sname = from.raw(bytes.sname);
  const file = from.raw(bytes.file);
  if (from.u32be() !== cookie) throw new DecodeError("it is of BOOTP, not DHCP", fixedBytes);
  const options = new Map<number, Uint8Array>();
  readOptions(from.raw(from.left), options);
  readOverloaded(options, { file, sname });
  const type = readOption(options, "messageType");
  if (type === undefined) throw new DecodeError("it has no message type", fixedBytes);
  options.delete(typeCode);
  return {
    op: op === ops.request ? "request" : "reply",
    type,
    xid,
    secs,
    broadcast: (flags & broadcastFlag) !== 0,
    ciaddr: ciaddr!,
    yiaddr: yiaddr!,
    giaddr: giaddr!,
    chaddr,
    options,
  };
}

/** Option 52: `file`, then `sname` hold options too (RFC 3396 section 5). Once: it may not nest. */
function readOverloaded(
  options: Map<number, Uint8Array>,
  { file, sname }: { file: Uint8Array; sname: Uint8Array },
): void {
  const overload = readOption(options, "overload") ?? 0;
  options.delete(overloadCode);
  if (overload & 1) readOptions(file, options);
  if (overload & 2) readOptions(sname, options);
  options.delete(overloadCode);
}
