/** The `static` plugin: addresses that the configuration or the runtime names. */
import { staticIpam as engine } from "../../ipam/static.ts";
import { ownIpam } from "../own-ipam.ts";

export const staticIpam = ownIpam(engine);
