/** The `tap` plugin. */
import { tap } from "../../drivers/tap.ts";
import { linkPlugin } from "./link-plugin.ts";

export const tapPlugin = linkPlugin(tap);
