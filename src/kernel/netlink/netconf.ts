/** Settings of IP that the kernel tells of as they change. Source: include/uapi/linux/netconf.h. */
import { i32, struct, u8, u16 } from "./codec.ts";
import { decode, layout, type Message } from "./message.ts";
import { addressFamily } from "./rtm.ts";

export const netconfLayout = layout(struct({ family: u8, reserved1: u8, reserved2: u16 }), {
  index: [1, i32],
  forwarding: [2, i32],
});

/** NETCONFA_IFINDEX_ALL and _DEFAULT. */
const allLinks = -1;
const newLinks = -2;

export interface NetconfInfo {
  readonly family: 4 | 6;
  /** Of which link; `all` is the host's own setting, `default` that of links to come. */
  readonly index: number | "all" | "default";
  /** Absent: it is about something else. */
  readonly forwarding?: boolean;
}

/** Undefined for families beside IP. */
export function readNetconf(message: Message): NetconfInfo | undefined {
  const { header, attrs } = decode(message, netconfLayout);
  const { index = newLinks, forwarding } = attrs;
  if (header.family !== addressFamily.inet && header.family !== addressFamily.inet6) {
    return undefined;
  }
  return {
    family: header.family === addressFamily.inet ? 4 : 6,
    index: index === allLinks ? "all" : index === newLinks ? "default" : index,
    ...(forwarding !== undefined && { forwarding: forwarding !== 0 }),
  };
}
