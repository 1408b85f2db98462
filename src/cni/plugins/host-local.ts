/** The `host-local` plugin: addresses out of ranges, remembered in files. */
import { hostLocalIpam as engine } from "../../engine/host-local/host-local.ts";
import { ownIpam } from "../own-ipam.ts";

export const hostLocalIpam = ownIpam(engine);
