/** DHCPv6 as the daemon knows a protocol. */
import type { Protocol } from "../protocol.ts";
import { onPacket, onTimer, release, resume, start } from "./machine.ts";
import { parseV6State, type V6Outgoing, type V6State, type V6Wishes } from "./state.ts";
import { V6Transport } from "./transport.ts";

export const dhcpV6: Protocol<V6State, V6Wishes, Uint8Array, V6Outgoing> = {
  family: 6,
  start,
  resume,
  onPacket,
  onTimer,
  release,
  parseState: parseV6State,
  open: (link, receive) => new V6Transport(link, receive),
};
