/** The `ptp` plugin. */
import { ptp } from "../../drivers/ptp.ts";
import { linkPlugin } from "./link-plugin.ts";

export const ptpPlugin = linkPlugin(ptp);
