/** Bounds of a link's MTU. */
import { integer, type Parser, withDefault, wrong } from "../model/parse.ts";

/** The largest that veth and bridges take. Source: ETH_MAX_MTU in uapi/linux/if_ether.h. */
const maxMtu = 65535;

/** The smallest that veth takes, and that IPv4 needs. Source: ETH_MIN_MTU. */
const minMtu = 68;

const whole = integer(0, maxMtu);

/** An MTU in bytes as configured; 0, as the uplink's, where it is absent. */
export const mtu: Parser<number> = withDefault((value, path) => {
  const bytes = whole(value, path);
  return bytes === 0 || bytes >= minMtu ? bytes : wrong(`0, or ${minMtu} or more`, value, path);
}, 0);
