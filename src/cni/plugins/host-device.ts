/** The `host-device` plugin. */
import { hostDevice } from "../../drivers/host-device.ts";
import { linkPlugin } from "./link-plugin.ts";

export const hostDevicePlugin = linkPlugin(hostDevice, {
  reference: async () => (await import("../../engine/traces/host-device.ts")).hostDeviceTraces,
});
