/** The link kind `bridge`. Source: IFLA_BR_ in include/uapi/linux/if_link.h. */
import { attrs, bool, oneOf, u8, u16, u16be, u32 } from "./codec.ts";

/** Times are in hundredths of a second (`Cs`). Reading gives more than writing accepts. */
export const bridgeData = attrs({
  forwardDelayCs: [1, u32],
  helloTimeCs: [2, u32],
  maxAgeCs: [3, u32],
  ageingTimeCs: [4, u32],
  stpState: [5, u32],
  priority: [6, u16],
  vlanFiltering: [7, bool],
  vlanProtocol: [8, oneOf({ "802.1Q": 0x8100, "802.1ad": 0x88a8 }, u16be)],
  groupForwardMask: [9, u16],
  multicastRouter: [22, u8],
  multicastSnooping: [23, bool],
  multicastQuerier: [25, bool],
  nfCallIptables: [36, bool],
  nfCallIp6tables: [37, bool],
  nfCallArptables: [38, bool],
  /** VLAN that ports get by themselves; 0 is none. Needs a kernel with VLAN filtering. */
  vlanDefaultPvid: [39, u16],
});
