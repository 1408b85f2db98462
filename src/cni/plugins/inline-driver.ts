/** Type `netloom` with an inline `driver`: the work of a chain of plugins in one run. */
import { drivers } from "../../drivers/index.ts";
import { oneOf } from "../../model/parse.ts";
import type { Call, Plugin } from "../plugin.ts";
import { driverPlugin } from "./driver-plugin.ts";
import { linkPlugin } from "./link-plugin.ts";

const type = "netloom";

/** The driver's plugin, with what is to be added. */
async function pluginOf(call: Call): Promise<Plugin> {
  const networkTypes = drivers.map((driver) => driver.networkType);
  const name = oneOf(...networkTypes)(call.conf.raw.driver, "driver");
  return driverPlugin(call, drivers.find(({ networkType }) => networkType === name)!);
}

/** What was made is taken away by its record: a driver that the configuration lost is no matter. */
const taking = linkPlugin(drivers[0]!, { type });

export const inlineDriver: Plugin = {
  type,
  add: async (call) => (await pluginOf(call)).add(call),
  del: (call) => taking.del(call),
  check: async (call) => (await pluginOf(call)).check(call),
  gc: (call, valid) => taking.gc(call, valid),
  status: async (call) => (await pluginOf(call)).status(call),
};
