/** The link kind `ipvlan`. Source: IFLA_IPVLAN_ in include/uapi/linux/if_link.h. */
import { attrs, oneOf, u16 } from "./codec.ts";

/** Both are of all links on one parent: the last that sets them sets them for its siblings too. */
export const ipvlanData = attrs({
  mode: [1, oneOf({ l2: 0, l3: 1, l3s: 2 }, u16)],
  flag: [2, oneOf({ bridge: 0, private: 1, vepa: 2 }, u16)],
});
