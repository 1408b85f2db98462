/** The link kind `vxlan`. Source: IFLA_VXLAN_ in include/uapi/linux/if_link.h. */
import { attrs, bool, ip, oneOf, struct, u8, u16be, u32 } from "./codec.ts";

export const vxlanData = attrs({
  /** VXLAN network identifier, 1 to 2^24 - 1. */
  id: [1, u32],
  /** ifindex of the link that packets leave by, where the kernel still had it when it was asked. */
  link: [3, u32],
  /** The outer source address, of IPv4. */
  local: [4, ip],
  /** 0: as the host's own packets. */
  ttl: [5, u8],
  /** The outer traffic class, DSCP in its upper six bits. 1: that of the packet inside. */
  tos: [6, u8],
  learning: [7, bool],
  ageingSeconds: [8, u32],
  /** UDP source ports, of which the kernel chooses one by flow. */
  portRange: [10, struct({ low: u16be, high: u16be })],
  proxy: [11, bool],
  /** UDP destination port. */
  port: [15, u16be],
  /** The outer source address, of IPv6. */
  local6: [17, ip],
  /** False: IPv4 packets bear no UDP checksum. */
  udpChecksum: [18, bool],
  udpZeroChecksum6Tx: [19, bool],
  udpZeroChecksum6Rx: [20, bool],
  /** What the outer header says of fragmenting. */
  df: [29, oneOf({ unset: 0, set: 1, inherit: 2 }, u8)],
});
