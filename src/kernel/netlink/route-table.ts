/** What messages about routes look like. Source: include/uapi/linux/rtnetlink.h. */

import { DecodeError } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import {
  type Attrs,
  attrs,
  type Codec,
  i32,
  ip,
  oneOf,
  string,
  struct,
  u8,
  u16,
  u32,
} from "./codec.ts";
import { addressFamily, familyOf } from "./rtm.ts";

/** What the kernel does with a packet for the destination. */
export const routeType = oneOf(
  {
    unspec: 0,
    unicast: 1,
    local: 2,
    broadcast: 3,
    anycast: 4,
    multicast: 5,
    blackhole: 6,
    unreachable: 7,
    prohibit: 8,
    throw: 9,
  },
  u8,
);

/** `struct rtmsg`. */
const routeHeader = struct({
  family: u8,
  dstLength: u8,
  srcLength: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: routeType,
  flags: u32,
});

/** RTNH_F_ bits, in the header's or a next hop's flags. */
export const nextHopFlag = { dead: 1, onlink: 4, linkDown: 16 } as const;

/** RTM_F_ bits, in the header's flags. */
export const routeFlag = { cloned: 0x200, lookupTable: 0x1000, fibMatch: 0x2000 } as const;

/** `struct rtvia`: a gateway of another family than the destination. */
const via: Codec<string> = {
  write: (out, address) => {
    out.u16(familyOf(address));
    out.raw(ipToBytes(address));
  },
  read: (from) => {
    const at = from.at;
    const family = from.u16();
    const length = family === addressFamily.inet ? 4 : family === addressFamily.inet6 ? 16 : -1;
    if (from.left !== length) throw new DecodeError(`gateway of family ${family}`, at);
    return bytesToIp(from.raw(length));
  },
};

/** RTAX_ values. */
export const metricsTable = {
  lock: [1, u32], // bits, by number of the metric
  mtu: [2, u32], // bytes
  window: [3, u32], // bytes
  rtt: [4, u32],
  rttvar: [5, u32],
  ssthresh: [6, u32],
  cwnd: [7, u32],
  advmss: [8, u32], // bytes
  reordering: [9, u32],
  hopLimit: [10, u32],
  initCwnd: [11, u32],
  features: [12, u32],
  rtoMin: [13, u32],
  initRwnd: [14, u32],
  quickAck: [15, u32],
  congestionControl: [16, string],
} as const;

const nextHopAttrs = { gateway: [5, ip], via: [18, via] } as const;

/** One `struct rtnexthop` with its attributes. */
export interface NextHopMessage {
  readonly flags: number;
  /** Weight less one. */
  readonly hops: number;
  readonly index: number;
  readonly attrs: Attrs<typeof nextHopAttrs>;
}

const nextHopLength = 8;
const nextHopCodec = attrs(nextHopAttrs);

/** Next hops one after the other, each with its own length. */
const nextHops: Codec<NextHopMessage[]> = {
  write: (out, hops) => {
    for (const hop of hops) {
      const at = out.length;
      out.u16(0);
      out.u8(hop.flags);
      out.u8(hop.hops);
      out.i32(hop.index);
      nextHopCodec.write(out, hop.attrs);
      out.patchU16(at, out.length - at);
    }
  },
  read: (from) => {
    const hops: NextHopMessage[] = [];
    while (from.left > 0) {
      const at = from.at;
      const length = from.u16();
      if (length < nextHopLength) throw new DecodeError(`next hop has length ${length}`, at);
      const flags = from.u8();
      const weight = from.u8();
      const index = from.i32();
      const window = from.window(length - nextHopLength);
      hops.push({ flags, hops: weight, index, attrs: nextHopCodec.read(window) });
      from.skip(Math.min((4 - (length % 4)) % 4, from.left));
    }
    return hops;
  },
};

/** `struct rta_cacheinfo`; time is in hundredths of a second. */
const cacheInfo = struct({
  references: u32,
  lastUseCs: i32,
  expiresCs: i32,
  error: u32,
  used: u32,
  id: u32,
  timestamp: u32,
  age: u32,
});

export const routeLayout = {
  header: routeHeader,
  attrs: attrs({
    dst: [1, ip],
    src: [2, ip],
    iif: [3, i32],
    oif: [4, i32],
    gateway: [5, ip],
    priority: [6, u32],
    source: [7, ip], // preferred source address
    metrics: [8, attrs(metricsTable)],
    nextHops: [9, nextHops],
    cacheInfo: [12, cacheInfo],
    table: [15, u32],
    mark: [16, u32],
    via: [18, via],
    preference: [20, u8],
    encapType: [21, u16],
    expires: [23, u32],
    uid: [25, u32],
    nextHopId: [30, u32],
  }),
} as const;
