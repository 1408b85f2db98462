/** The link kind `vrf`. Source: IFLA_VRF_ in include/uapi/linux/if_link.h. */
import { attrs, u32 } from "./codec.ts";

/** The table that routes what comes from the links enslaved to it. */
export const vrfData = attrs({ table: [1, u32] });
