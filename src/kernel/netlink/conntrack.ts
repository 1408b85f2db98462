/** Tracked connections. Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h. */
import { type Attrs, attrs, ip, struct, u8, u16be, u32, u32be } from "./codec.ts";
import { decode, layout, type Message, type Request, request } from "./message.ts";
import { addressFamily, familyOf } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

const subsystem = 1 << 8;
const messageType = { get: subsystem | 1, delete: subsystem | 2 } as const;

/** IPS_ bits of a connection's status. */
const statusBit = { seenReply: 0x2, assured: 0x4, srcNat: 0x10, dstNat: 0x20 } as const;

/** Which fields of a tuple a dump must match. Source: net/netfilter/nf_internals.h. */
const filterBit = { src: 1, dst: 2, protocol: 8, sourcePort: 16, destinationPort: 32 } as const;

const tupleTable = {
  ip: [1, attrs({ src4: [1, ip], dst4: [2, ip], src6: [3, ip], dst6: [4, ip] })],
  l4: [
    2,
    attrs({
      protocol: [1, u8],
      sourcePort: [2, u16be],
      destinationPort: [3, u16be],
      icmpId: [4, u16be],
      icmpType: [5, u8],
      icmpCode: [6, u8],
      icmpv6Id: [7, u16be],
      icmpv6Type: [8, u8],
      icmpv6Code: [9, u8],
    }),
  ],
  zone: [3, u16be],
} as const;
const tupleAttrs = attrs(tupleTable);
type TupleAttrs = Attrs<typeof tupleTable>;

/** Header: `struct nfgenmsg`. */
export const conntrackLayout = layout(struct({ family: u8, version: u8, resourceId: u16be }), {
  original: [1, tupleAttrs],
  reply: [2, tupleAttrs],
  status: [3, u32be],
  timeoutS: [7, u32be],
  mark: [8, u32be],
  use: [11, u32be],
  id: [12, u32be],
  zone: [18, u16be],
  filter: [25, attrs({ original: [1, u32], reply: [2, u32] })], // not big-endian as the rest
});

/** One direction of a connection. */
export interface ConntrackTuple {
  readonly src: string;
  readonly dst: string;
  /** IANA number: 6 TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpId?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

export interface ConntrackEntry {
  /** 2 (IPv4) or 10 (IPv6). */
  readonly family: number;
  readonly original: ConntrackTuple;
  /** What answers look like: with destination NAT its `src` is the real server. */
  readonly reply: ConntrackTuple;
  /** Isolation domain; 0 for most. */
  readonly zone: number;
  readonly mark: number;
  /** The kernel's own number of the entry: it tells two connections with one tuple apart. */
  readonly id?: number;
  /** Seconds until the entry ends by itself. */
  readonly timeoutS?: number;
  readonly seenReply: boolean;
  readonly assured: boolean;
  readonly srcNat: boolean;
  readonly dstNat: boolean;
}

/** What a dump gives. Absent fields match any. */
export interface ConntrackFilter {
  readonly family?: number;
  readonly zone?: number;
  /** Fields of the direction that opened the connection; ICMP's are not looked at. */
  readonly original?: Partial<ConntrackTuple>;
  /** Fields of answers. */
  readonly reply?: Partial<ConntrackTuple>;
}

/** An entry from a message. Throws DecodeError. */
export function readConntrack(message: Message): ConntrackEntry {
  const { header, attrs } = decode(message, conntrackLayout);
  const status = attrs.status ?? 0;
  return {
    family: header.family,
    original: readTuple(attrs.original),
    reply: readTuple(attrs.reply),
    zone: attrs.zone ?? 0,
    mark: attrs.mark ?? 0,
    id: attrs.id,
    timeoutS: attrs.timeoutS,
    seenReply: (status & statusBit.seenReply) !== 0,
    assured: (status & statusBit.assured) !== 0,
    srcNat: (status & statusBit.srcNat) !== 0,
    dstNat: (status & statusBit.dstNat) !== 0,
  };
}

function readTuple(tuple: TupleAttrs | undefined): ConntrackTuple {
  const { ip = {}, l4 = {} } = tuple ?? {};
  return {
    src: ip.src4 ?? ip.src6 ?? "",
    dst: ip.dst4 ?? ip.dst6 ?? "",
    protocol: l4.protocol ?? 0,
    sourcePort: l4.sourcePort,
    destinationPort: l4.destinationPort,
    icmpId: l4.icmpId ?? l4.icmpv6Id,
    icmpType: l4.icmpType ?? l4.icmpv6Type,
    icmpCode: l4.icmpCode ?? l4.icmpv6Code,
  };
}

function tupleOf(tuple: Partial<ConntrackTuple>): TupleAttrs {
  const { src, dst, icmpId, icmpType, icmpCode, ...l4 } = tuple;
  const inet6 = familyOf(src ?? dst ?? "") === addressFamily.inet6;
  return {
    ip: inet6 ? { src6: src, dst6: dst } : { src4: src, dst4: dst },
    l4: inet6
      ? { ...l4, icmpv6Id: icmpId, icmpv6Type: icmpType, icmpv6Code: icmpCode }
      : { ...l4, icmpId, icmpType, icmpCode },
  };
}

/** Deletes an entry; one that is not there is deleted. */
export function deleteConntrack(
  entry: Pick<ConntrackEntry, "family" | "original"> & Partial<ConntrackEntry>,
): Request {
  const { src, dst, sourcePort, destinationPort, protocol } = entry.original;
  const from = sourcePort === undefined ? src : `${src} port ${sourcePort}`;
  const to = destinationPort === undefined ? dst : `${dst} port ${destinationPort}`;
  return request(
    {
      op: `delete tracked connection of protocol ${protocol} from ${from} to ${to}`,
      type: messageType.delete,
      flags: 0,
      tolerate: ["ENOENT"],
    },
    conntrackLayout,
    {
      header: { family: entry.family },
      attrs: {
        original: tupleOf(entry.original),
        id: entry.id,
        zone: entry.zone || undefined,
      },
    },
  );
}

/**
 * Tracked connections that the filter matches. Kernels from 5.8 on filter addresses, protocol and
 * ports themselves where the family is known; the rest is filtered here.
 */
export function listConntrack(
  socket: NetlinkSocket,
  filter: ConntrackFilter = {},
): ConntrackEntry[] {
  const family = filter.family ?? familyOfTuples(filter) ?? addressFamily.unspec;
  // Without a family the kernel cannot read addresses, and refuses.
  const bits = {
    original: family === 0 ? 0 : filterBits(filter.original),
    reply: family === 0 ? 0 : filterBits(filter.reply),
  };
  const item = request(
    { op: "list tracked connections", type: messageType.get, flags: 0 },
    conntrackLayout,
    {
      header: { family },
      attrs: {
        original: bits.original ? tupleOf(filter.original ?? {}) : undefined,
        reply: bits.reply ? tupleOf(filter.reply ?? {}) : undefined,
        zone: filter.zone,
        filter: bits.original || bits.reply ? bits : undefined,
      },
    },
  );
  return socket
    .dump(item)
    .map(readConntrack)
    .filter((entry) => matches(entry, filter));
}

/** Deletes all tracked connections that the filter matches, and says how many. */
export function flushConntrack(socket: NetlinkSocket, filter: ConntrackFilter): number {
  const entries = listConntrack(socket, filter);
  socket.run(entries.map(deleteConntrack));
  return entries.length;
}

function familyOfTuples({ original, reply }: ConntrackFilter): number | undefined {
  const address = original?.dst ?? original?.src ?? reply?.dst ?? reply?.src;
  return address === undefined ? undefined : familyOf(address);
}

/** Protocols whose ports the kernel can match: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const portProtocols = [6, 17, 33, 132, 136];

/** What of a tuple the kernel can match by itself: ports only where it knows the protocol. */
function filterBits(tuple: Partial<ConntrackTuple> = {}): number {
  const { src, dst, protocol, sourcePort, destinationPort } = tuple;
  const ports = protocol !== undefined && portProtocols.includes(protocol);
  return (
    (src === undefined ? 0 : filterBit.src) |
    (dst === undefined ? 0 : filterBit.dst) |
    (protocol === undefined ? 0 : filterBit.protocol) |
    (ports && sourcePort !== undefined ? filterBit.sourcePort : 0) |
    (ports && destinationPort !== undefined ? filterBit.destinationPort : 0)
  );
}

const tupleFields = ["src", "dst", "protocol", "sourcePort", "destinationPort"] as const;

function matches(entry: ConntrackEntry, filter: ConntrackFilter): boolean {
  if (filter.family !== undefined && entry.family !== filter.family) return false;
  if (filter.zone !== undefined && entry.zone !== filter.zone) return false;
  for (const direction of ["original", "reply"] as const) {
    const wanted = filter[direction];
    for (const field of tupleFields) {
      if (wanted?.[field] !== undefined && entry[direction][field] !== wanted[field]) return false;
    }
  }
  return true;
}
