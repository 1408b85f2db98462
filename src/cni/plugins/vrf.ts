/** The `vrf` plugin: puts the container's link into a VRF inside the container. */
import { vrf } from "../../drivers/vrf.ts";
import { extraPlugin } from "./extra-plugin.ts";

export const vrfPlugin = extraPlugin(vrf, {
  reference: async () => (await import("../../engine/traces/vrf.ts")).vrfTraces,
});
