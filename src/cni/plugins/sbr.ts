/** The `sbr` plugin: routing by source inside the container. */
import { sbr } from "../../drivers/sbr.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const sbrPlugin = extraPlugin(sbr, {
  reference: async () => (await import("../../engine/traces/sbr.ts")).sbrTraces,
});
