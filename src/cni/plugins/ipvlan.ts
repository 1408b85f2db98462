/** The `ipvlan` plugin. */
import { ipvlan } from "../../drivers/ipvlan.ts";
import { linkPlugin } from "./link-plugin.ts";

export const ipvlanPlugin = linkPlugin(ipvlan);
