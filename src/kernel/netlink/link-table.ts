/** What messages about links look like. Source: include/uapi/linux/{rtnetlink,if_link}.h. */
import { attrs, i32, mac, oneOf, string, struct, u8, u16, u32 } from "./codec.ts";

/** `struct ifinfomsg`. */
export const linkHeader = struct({
  family: u8,
  pad: u8,
  hardwareType: u16,
  index: i32,
  flags: u32,
  /** Which bits of `flags` to change. */
  change: u32,
});

/** Bits of `flags`. Source: include/uapi/linux/if.h. */
export const linkFlag = {
  up: 0x1,
  loopback: 0x8,
  noarp: 0x80,
  promisc: 0x100,
  allmulti: 0x200,
  multicast: 0x1000,
} as const;

/** How a link makes its own IPv6 addresses. */
export const addrGenMode = oneOf({ eui64: 0, none: 1, stablePrivacy: 2, random: 3 }, u8);

/** Operational state of RFC 2863. */
const operState = oneOf(
  { unknown: 0, notPresent: 1, down: 2, lowerLayerDown: 3, testing: 4, dormant: 5, up: 6 },
  u8,
);

/** IFLA_ attributes of any kind of link, without IFLA_LINKINFO. */
export const linkAttrs = {
  mac: [1, mac],
  broadcast: [2, mac],
  name: [3, string], // at most 15 bytes
  mtu: [4, u32], // bytes
  link: [5, u32], // ifindex of the parent, or of a veth's peer
  master: [10, u32], // ifindex; 0 takes the link out
  txQueueLength: [13, u32], // packets
  operState: [16, operState],
  netNsPid: [19, u32],
  alias: [20, string], // at most 255 bytes
  afSpec: [26, attrs({ inet6: [10, attrs({ addrGenMode: [8, addrGenMode] })] })],
  group: [27, u32],
  netNsFd: [28, u32],
  extMask: [29, u32],
  promiscuity: [30, u32],
  numTxQueues: [31, u32],
  numRxQueues: [32, u32],
  carrier: [33, u8],
  linkNetnsId: [37, u32],
  gsoMaxSegs: [40, u32],
  gsoMaxSize: [41, u32],
} as const;

/** Bits of IFLA_EXT_MASK: what else to tell, or not to. */
export const extMask = { brVlan: 2, brVlanCompressed: 4, skipStats: 8 } as const;
