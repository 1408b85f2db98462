/** The `portmap` plugin: publishes ports of the attachment that the plugins before it made. */
import { portmap } from "../../drivers/portmap-extra.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const portmapPlugin = extraPlugin(portmap, {
  reference: async () => (await import("../../engine/reference-leftovers.ts")).portmapTraces,
});
