/** DHCPv4 as the daemon knows a protocol. */
import type { Protocol } from "../protocol.ts";
import { onPacket, onTimer, release, resume, start } from "./machine.ts";
import { parseV4State, type V4Outgoing, type V4State, type V4Wishes } from "./state.ts";
import { V4Transport } from "./transport.ts";

export const dhcpV4: Protocol<V4State, V4Wishes, Uint8Array, V4Outgoing> = {
  family: 4,
  start,
  resume,
  onPacket,
  onTimer,
  release,
  parseState: parseV4State,
  open: (link, receive) => new V4Transport(link, receive),
};
