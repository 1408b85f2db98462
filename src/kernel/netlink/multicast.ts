/** Groups that links listen to. Source: include/uapi/linux/if_addr.h. */

import { ip, struct, u8, u32 } from "./codec.ts";
import { decode, layout, request } from "./message.ts";
import { addressFamily, rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

export const groupLayout = layout(
  struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 }),
  { group: [7, ip] },
);

/** IPv6 multicast groups that a link has joined: `ff02::1:ff00:5`. */
export function listGroups(socket: NetlinkSocket, index: number): string[] {
  const item = request(
    { op: `list multicast groups of link ${index}`, type: rtm.getMulticast, flags: 0 },
    groupLayout,
    { header: { family: addressFamily.inet6, index }, attrs: {} },
  );
  return socket.dump(item).flatMap((message) => decode(message, groupLayout).attrs.group ?? []);
}
