/** The `bridge` plugin. */
import { bridge } from "../../drivers/bridge.ts";
import { linkPlugin } from "./link-plugin.ts";

export const bridgePlugin = linkPlugin(bridge);
