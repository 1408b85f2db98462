/**
 * The link kind `tun`, read only: the kernel makes such links for who opens /dev/net/tun.
 * Source: IFLA_TUN_ in include/uapi/linux/if_link.h.
 */
import { attrs, bool, oneOf, u8, u32 } from "./codec.ts";

export const tunData = attrs({
  /** Absent: who administers the network. */
  owner: [1, u32],
  group: [2, u32],
  type: [3, oneOf({ tun: 1, tap: 2 }, u8)],
  packetInfo: [4, bool],
  vnetHeader: [5, bool],
  persist: [6, bool],
  multiQueue: [7, bool],
  queues: [8, u32],
  disabledQueues: [9, u32],
});
