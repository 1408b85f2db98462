/** Settings of a link as port of a bridge. Source: IFLA_BRPORT_ in include/uapi/linux/if_link.h. */
import { type Attrs, attrs, bool, oneOf, u8, u16, u32 } from "./codec.ts";

const portState = oneOf({ disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 }, u8);

export const bridgePortAttrs = {
  state: [1, portState],
  priority: [2, u16],
  cost: [3, u32],
  hairpin: [4, bool],
  guard: [5, bool],
  protect: [6, bool], // root block
  fastLeave: [7, bool],
  learning: [8, bool],
  unicastFlood: [9, bool],
  proxyArp: [10, bool],
  multicastFlood: [27, bool],
  broadcastFlood: [30, bool],
  neighSuppress: [32, bool],
  isolated: [33, bool],
  locked: [39, bool],
} as const;

export const bridgePortData = attrs(bridgePortAttrs);

export type BridgePortSettings = Readonly<Attrs<typeof bridgePortAttrs>>;
