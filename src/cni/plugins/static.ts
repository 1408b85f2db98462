/** The `static` IPAM plugin. (Being written.) */
import { CniError, cniCodes } from "../errors.ts";
import type { Ipam } from "../ipam.ts";

const unwritten = (): never => {
  throw new CniError(cniCodes.internal, 'IPAM "static" is not written yet');
};

export const staticIpam: Ipam = {
  type: "static",
  reserve: unwritten,
  release: unwritten,
  check: unwritten,
  gc: unwritten,
  status: unwritten,
};
