/** The `tuning` plugin: sysctls and settings of the container's link. */
import { tuning } from "../../drivers/tuning.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const tuningPlugin = extraPlugin(tuning, {
  reference: async () => (await import("../../engine/traces/tuning.ts")).tuningTraces,
});
