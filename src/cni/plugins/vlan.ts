/** The `vlan` plugin. */
import { vlan } from "../../drivers/vlan.ts";
import { linkPlugin } from "./link-plugin.ts";

export const vlanPlugin = linkPlugin(vlan);
