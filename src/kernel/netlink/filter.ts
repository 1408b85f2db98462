/**
 * Filters of traffic control: which packets go into which class, or to another link. Kind u32 with
 * action mirred. Source: uapi/linux/pkt_cls.h, uapi/linux/tc_act/tc_mirred.h.
 */
import { Reader, Writer } from "../../lib/bytes.ts";
import { ipToBytes } from "../../lib/ip.ts";
import {
  attrs,
  type Codec,
  i32,
  listOf,
  string,
  struct,
  u8,
  u16,
  u16be,
  u32,
  u32be,
} from "./codec.ts";
import { decode, type Message, nlmF, type Request, request } from "./message.ts";
import { rtm, splitPrefix } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";
import { handleOf, handleText, trafficLayout } from "./traffic.ts";

/** EtherTypes. Source: include/uapi/linux/if_ether.h. */
const protocols = { all: 0x0003, ip: 0x0800, ipv6: 0x86dd } as const;

/** Where addresses stand in packets, in bytes from the network header. */
const offsets = { ip: { src: 12, dst: 16 }, ipv6: { src: 8, dst: 24 } } as const;

/** Where a filter is. */
export interface FilterPlace {
  /** ifindex of the link. */
  readonly index: number;
  /** The discipline that asks it: `ffff:`, `108:`. */
  readonly parent: string;
  /** Lower ones are asked first. Here each filter has one of its own. */
  readonly priority: number;
  readonly protocol: keyof typeof protocols;
}

/** One to make. */
export interface NewFilter extends FilterPlace {
  /** All packets of the protocol, or those from or to these addresses. */
  readonly match: "all" | { readonly field: "src" | "dst"; readonly prefix: string };
  /** The class that they belong to, `108:1`. */
  readonly classId?: string;
  /** ifindex of the link that gets them instead, as if it were to send them. */
  readonly redirect?: number;
}

/** One that is there, with its conditions as the kernel has them. */
export interface FilterInfo extends FilterPlace {
  readonly keys: readonly FilterKey[];
  readonly classId?: string;
  readonly redirect?: number;
}

/** 32 bits at an offset from the network header. */
export interface FilterKey {
  readonly mask: number;
  readonly value: number;
  readonly offset: number;
}

const keyCodec = struct({ mask: u32be, value: u32be, offset: i32, offsetMask: i32 });

const selectorHead = struct({
  flags: u8,
  offsetShift: u8,
  keys: u8,
  pad: u8,
  offsetMask: u16be,
  offset: u16,
  offsetOffset: u16,
  hashOffset: u16,
  hashMask: u32be,
});

/** A match ends the search. */
const terminal = 1;

const selector: Codec<readonly FilterKey[]> = {
  write: (out, keys) => {
    selectorHead.write(out, { flags: terminal, keys: keys.length });
    for (const key of keys) keyCodec.write(out, key);
  },
  read: (from) => {
    const { keys } = selectorHead.read(from);
    const found: FilterKey[] = [];
    for (let i = 0; i < keys && from.left >= keyCodec.size; i++) {
      const { mask, value, offset } = keyCodec.read(from);
      found.push({ mask, value, offset });
    }
    from.skip(from.left);
    return found;
  },
};

const mirred = struct({
  actionIndex: u32,
  capabilities: u32,
  action: i32,
  references: i32,
  bindings: i32,
  direction: i32,
  index: u32,
});
const mirredName = "mirred";
const egressRedirect = 1;
const stolen = 4;

const filterOptions = attrs({
  classId: [1, u32],
  selector: [5, selector],
  actions: [
    7,
    listOf(1, attrs({ kind: [1, string], options: [2, attrs({ parameters: [2, mirred] })] })),
  ],
});

/** Packets of any protocol match a key without bits. */
const anything: FilterKey = { mask: 0, value: 0, offset: 0 };

/** The conditions of a filter, one for each word of the address that may not be anything. */
export function keysOf({ protocol, match }: Pick<NewFilter, "protocol" | "match">): FilterKey[] {
  if (match === "all" || protocol === "all") return [anything];
  const { address, length } = splitPrefix(match.prefix);
  const bytes = ipToBytes(address);
  const start = offsets[protocol][match.field];
  const keys: FilterKey[] = [];
  for (let at = 0; at * 8 < length; at += 4) {
    const bits = Math.min(length - at * 8, 32);
    const mask = (0xffffffff << (32 - bits)) >>> 0;
    const word = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
    keys.push({ mask, value: (word & mask) >>> 0, offset: start + at });
  }
  return keys.length > 0 ? keys : [anything];
}

const swapped = (protocol: number) => ((protocol & 0xff) << 8) | (protocol >> 8);

function headerOf({ index, parent, priority, protocol }: FilterPlace) {
  return {
    index,
    parent: handleOf(parent),
    handle: 0,
    info: priority * 0x10000 + swapped(protocols[protocol]),
  };
}

/** Adds a filter. */
export function addFilter(spec: NewFilter): Request {
  const { classId, redirect } = spec;
  const parameters = { action: stolen, direction: egressRedirect, index: redirect ?? 0 };
  const out = new Writer(256);
  filterOptions.write(out, {
    classId: classId === undefined ? undefined : handleOf(classId),
    selector: keysOf(spec),
    actions:
      redirect === undefined
        ? undefined
        : [{ kind: mirredName, options: { parameters: parameters as never } }],
  });
  return request(
    {
      op: `add filter ${spec.priority} to link ${spec.index}`,
      type: rtm.newFilter,
      flags: nlmF.create | nlmF.excl,
    },
    trafficLayout,
    { header: headerOf(spec), attrs: { kind: "u32", options: out.bytes } },
  );
}

/** Removes what has this priority and protocol; what is not there is removed. */
export function removeFilter(place: FilterPlace): Request {
  return request(
    {
      op: `remove filter ${place.priority} of link ${place.index}`,
      type: rtm.delFilter,
      flags: 0,
      tolerate: ["ENOENT", "ENODEV", "EINVAL"],
    },
    trafficLayout,
    { header: headerOf(place), attrs: { kind: "u32" } },
  );
}

/** One from an RTM_NEWTFILTER message; undefined for u32's hash tables, and other kinds. */
export function readFilter(message: Message): FilterInfo | undefined {
  const { header, attrs } = decode(message, trafficLayout);
  if (attrs.kind !== "u32" || attrs.options === undefined) return undefined;
  const { classId, selector: keys, actions } = filterOptions.read(new Reader(attrs.options));
  if (!keys) return undefined;
  const number = swapped(header.info & 0xffff);
  const protocol = (["all", "ip", "ipv6"] as const).find((name) => protocols[name] === number);
  if (!protocol) return undefined;
  const redirects = actions?.find(({ kind }) => kind === mirredName)?.options?.parameters;
  return {
    index: header.index,
    parent: handleText(header.parent),
    priority: header.info >>> 16,
    protocol,
    keys,
    ...(classId ? { classId: handleText(classId) } : {}),
    ...(redirects && { redirect: redirects.index }),
  };
}

/** Those of a link that one discipline asks, in order. */
export function listFilters(socket: NetlinkSocket, index: number, parent: string): FilterInfo[] {
  const item = request(
    { op: `list filters of link ${index}`, type: rtm.getFilter, flags: 0 },
    trafficLayout,
    { header: { index, parent: handleOf(parent) }, attrs: {} },
  );
  return socket.dump(item).flatMap((message) => readFilter(message) ?? []);
}
