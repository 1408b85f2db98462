/** Neighbours: which hardware address an address has. Source: include/uapi/linux/neighbour.h. */
import { i32, ip, mac, oneOf, struct, u8, u16, u16be, u32, type Value } from "./codec.ts";
import {
  type Decoded,
  decode,
  layout,
  type Message,
  nlmF,
  type Request,
  request,
} from "./message.ts";
import { familyOf, netloomProtocol, rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

/** NUD_ states: bits, of which the kernel sets one at a time. */
export const neighState = oneOf(
  {
    none: 0,
    incomplete: 0x01,
    reachable: 0x02,
    stale: 0x04,
    delay: 0x08,
    probe: 0x10,
    failed: 0x20,
    noarp: 0x40,
    permanent: 0x80,
  },
  u16,
);

/** NTF_ bits. */
export const neighFlag = {
  use: 0x01,
  self: 0x02,
  master: 0x04,
  proxy: 0x08,
  externLearned: 0x10,
  sticky: 0x40,
  router: 0x80,
} as const;

/** `struct ndmsg` and NDA_ attributes; the forwarding database of bridges uses them too. */
export const neighLayout = layout(
  struct({
    family: u8,
    pad1: u8,
    pad2: u16,
    index: i32,
    state: neighState,
    flags: u8,
    type: u8,
  }),
  {
    dst: [1, ip],
    mac: [2, mac],
    probes: [4, u32],
    vlan: [5, u16],
    l4Port: [6, u16be], // of the remote VXLAN end
    vni: [7, u32],
    index: [8, u32],
    master: [9, u32],
    linkNetnsId: [10, i32],
    sourceVni: [11, u32],
    protocol: [12, u8],
    nextHopId: [13, u32],
  },
);

export interface NewNeigh {
  /** ifindex of the link. */
  readonly index: number;
  readonly dst: string;
  readonly mac?: string;
  /** Absent: `permanent`. */
  readonly state?: Value<typeof neighState>;
  /** Answers for `dst` on this link instead of knowing it. */
  readonly proxy?: boolean;
  /** Absent: 108, Netloom's. */
  readonly protocol?: number;
}

export interface NeighInfo {
  readonly index: number;
  readonly family: number;
  readonly dst: string;
  readonly mac?: string;
  readonly state: Value<typeof neighState>;
  readonly proxy: boolean;
  readonly router: boolean;
  readonly protocol?: number;
}

/** Adds a neighbour in the place of one for the same address. */
export function replaceNeigh(spec: NewNeigh): Request {
  return request(
    {
      op: `set neighbour ${spec.dst} of link ${spec.index}`,
      type: rtm.newNeigh,
      flags: nlmF.create | nlmF.replace,
    },
    neighLayout,
    {
      header: {
        family: familyOf(spec.dst),
        index: spec.index,
        state: spec.state ?? "permanent",
        flags: spec.proxy ? neighFlag.proxy : 0,
      },
      attrs: {
        dst: spec.dst,
        mac: spec.proxy ? undefined : spec.mac,
        protocol: spec.protocol ?? netloomProtocol,
      },
    },
  );
}

/** Removes a neighbour; one that is not there, or whose link is gone, is removed. */
export function removeNeigh(spec: Pick<NewNeigh, "index" | "dst" | "proxy">): Request {
  return request(
    {
      op: `remove neighbour ${spec.dst} of link ${spec.index}`,
      type: rtm.delNeigh,
      flags: 0,
      tolerate: ["ENOENT", "ENODEV", "ENXIO"],
    },
    neighLayout,
    {
      header: {
        family: familyOf(spec.dst),
        index: spec.index,
        flags: spec.proxy ? neighFlag.proxy : 0,
      },
      attrs: { dst: spec.dst },
    },
  );
}

/** A neighbour from an RTM_NEWNEIGH or RTM_DELNEIGH message. Throws DecodeError. */
export function readNeigh(message: Message): NeighInfo {
  return neighOf(decode(message, neighLayout));
}

/** The same of a message that is decoded already. */
export function neighOf({ header, attrs }: Decoded<typeof neighLayout>): NeighInfo {
  return {
    index: header.index,
    family: header.family,
    dst: attrs.dst ?? "",
    mac: attrs.mac,
    state: header.state,
    proxy: (header.flags & neighFlag.proxy) !== 0,
    router: (header.flags & neighFlag.router) !== 0,
    protocol: attrs.protocol,
  };
}

/** Neighbours, or with `proxy` the addresses that links answer for; the kernel filters. */
export function listNeighs(
  socket: NetlinkSocket,
  filter: { readonly index?: number; readonly family?: number; readonly proxy?: boolean } = {},
): NeighInfo[] {
  const item = request(
    { op: "list neighbours", type: rtm.getNeigh, flags: 0, tolerate: ["ENODEV"] },
    neighLayout,
    {
      header: { family: filter.family, flags: filter.proxy ? neighFlag.proxy : 0 },
      attrs: { index: filter.index },
    },
  );
  return socket.dump(item).map(readNeigh);
}
