/** The `bandwidth` plugin: limits how fast a container sends and receives. */
import { bandwidth } from "../../drivers/bandwidth.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const bandwidthPlugin = extraPlugin(bandwidth, {
  reference: async () => (await import("../../engine/bandwidth-traces.ts")).bandwidthTraces,
});
