/** Bounds of a link's MTU. */

/** The largest that veth and bridges take. Source: ETH_MAX_MTU in uapi/linux/if_ether.h. */
export const maxMtu = 65535;
