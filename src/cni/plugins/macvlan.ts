/** The `macvlan` plugin. */
import { macvlan } from "../../drivers/macvlan.ts";
import { linkPlugin } from "./link-plugin.ts";

export const macvlanPlugin = linkPlugin(macvlan);
