/** The link kind `vlan`. Source: IFLA_VLAN_ in include/uapi/linux/if_link.h, if_vlan.h. */
import { attrs, oneOf, struct, u16, u16be, u32 } from "./codec.ts";

/** Bits of `flags`. */
export const vlanFlag = {
  reorderHeader: 1,
  gvrp: 2,
  looseBinding: 4,
  mvrp: 8,
  bridgeBinding: 16,
} as const;

export const vlanData = attrs({
  /** 0 to 4094. */
  id: [1, u16],
  /** Absent: `reorderHeader`. `mask` says which bits count. */
  flags: [2, struct({ flags: u32, mask: u32 })],
  protocol: [5, oneOf({ "802.1Q": 0x8100, "802.1ad": 0x88a8 }, u16be)],
});
