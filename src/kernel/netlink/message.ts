/** Netlink messages: header, fixed part, attributes. Source: include/uapi/linux/netlink.h. */
import { DecodeError, Reader, type Writer } from "../../lib/bytes.ts";
import {
  type Attrs,
  type AttrsCodec,
  type AttrTable,
  attrs,
  type StructCodec,
  string,
  u32,
} from "./codec.ts";
import { NetlinkError } from "./error.ts";

export const headerLength = 16;

export const nlmF = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  echo: 0x8,
  dumpIntr: 0x10,
  /** With a dump: the request's own fields filter it. */
  dump: 0x300,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
  capped: 0x100,
  ackTlvs: 0x200,
} as const;

export const nlmsg = { noop: 1, error: 2, done: 3, overrun: 4, firstFamily: 16 } as const;

/** How messages of one kind look: the struct after the header, then attributes. */
export interface Layout<H, T extends AttrTable> {
  readonly header: StructCodec<H>;
  readonly attrs: AttrsCodec<T>;
}

/** A layout from its struct and its attribute table. */
export function layout<H, const T extends AttrTable>(
  header: StructCodec<H>,
  table: T,
): Layout<H, T> {
  return { header, attrs: attrs(table) };
}

/** One request, ready to be encoded. */
export interface Request {
  /** For errors: `create link "eth0"`. */
  readonly op: string;
  readonly type: number;
  /** Beside NLM_F_REQUEST, which is always set. */
  readonly flags: number;
  readonly write: (out: Writer) => void;
  /** Errnos that mean success: deleting what is not there. */
  readonly tolerate?: readonly string[];
  /** The kernel answers with exactly one message, or an error: no acknowledgement is needed. */
  readonly answered?: boolean;
}

/** A request by layout. */
export function request<H, T extends AttrTable>(
  head: Omit<Request, "write">,
  shape: Layout<H, T>,
  body: { header: Partial<H>; attrs: Attrs<T> },
): Request {
  return {
    ...head,
    write: (out) => {
      shape.header.write(out, body.header);
      shape.attrs.write(out, body.attrs);
    },
  };
}

/** Appends one encoded request, with NLM_F_REQUEST and these flags. */
export function encode(out: Writer, item: Request, flags: number, seq: number): void {
  const at = out.length;
  out.u32(0);
  out.u16(item.type);
  out.u16(flags | nlmF.request);
  out.u32(seq);
  out.u32(0);
  item.write(out);
  out.patchU32(at, out.length - at);
  out.align(4);
}

/** One received message; `body` is the window behind the header. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly body: Reader;
}

/** Splits received bytes into messages. Throws DecodeError on impossible lengths. */
export function messages(bytes: Uint8Array, start = 0, end = bytes.length): Message[] {
  const all = new Reader(bytes, start, end);
  const found: Message[] = [];
  while (all.left > 0) {
    const at = all.at;
    const length = all.u32();
    const type = all.u16();
    const flags = all.u16();
    const seq = all.u32();
    all.skip(4);
    if (length < headerLength) throw new DecodeError(`message has length ${length}`, at);
    const body = all.window(length - headerLength);
    all.skip(Math.min((4 - (length % 4)) % 4, all.left));
    found.push({ type, flags, seq, body });
  }
  return found;
}

/** What a message of a layout says. */
export type Decoded<L> =
  L extends Layout<infer H, infer T> ? { header: H; attrs: Attrs<T> } : never;

/** Struct and attributes of a received message. Throws DecodeError. */
export function decode<H, T extends AttrTable>(
  message: Message,
  shape: Layout<H, T>,
): { header: H; attrs: Attrs<T> } {
  const header = shape.header.read(message.body);
  return { header, attrs: shape.attrs.read(message.body) };
}

const ackAttrs = { msg: [1, string], offs: [2, u32] } as const;
const ackCodec = attrs(ackAttrs);

/** The error in an NLMSG_ERROR or NLMSG_DONE message, or undefined for an acknowledgement. */
export function errorOf(message: Message, op: string): NetlinkError | undefined {
  const from = message.body;
  const errno = from.left >= 4 ? -from.i32() : 0;
  if (errno === 0) return undefined;
  if (message.type === nlmsg.error && from.left >= headerLength) {
    const length = from.u32();
    from.skip(headerLength - 4);
    // Unless capped, the whole request comes back before the attributes.
    if ((message.flags & nlmF.capped) === 0) {
      const padded = Math.ceil(Math.max(length - headerLength, 0) / 4) * 4;
      from.skip(Math.min(padded, from.left));
    }
  }
  if ((message.flags & nlmF.ackTlvs) === 0) return new NetlinkError(op, errno);
  const details = ackCodec.read(from);
  return new NetlinkError(op, errno, { extack: details.msg, offset: details.offs });
}
