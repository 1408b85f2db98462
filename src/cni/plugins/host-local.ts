/** The `host-local` IPAM plugin. (Being written.) */
import { CniError, cniCodes } from "../errors.ts";
import type { Ipam } from "../ipam.ts";

const unwritten = (): never => {
  throw new CniError(cniCodes.internal, 'IPAM "host-local" is not written yet');
};

export const hostLocalIpam: Ipam = {
  type: "host-local",
  reserve: unwritten,
  release: unwritten,
  check: unwritten,
  gc: unwritten,
  status: unwritten,
};
