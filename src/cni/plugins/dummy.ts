/** The `dummy` plugin. */
import { dummy } from "../../drivers/dummy.ts";
import { linkPlugin } from "./link-plugin.ts";

export const dummyPlugin = linkPlugin(dummy);
