/** The `netloom` plugin: with an inline `driver`, the work of a chain of plugins in one run. */
import { withHairpin } from "../../drivers/hairpin.ts";
import { drivers } from "../../drivers/index.ts";
import { portmapObjects } from "../../drivers/portmap.ts";
import { parsePortmapConfig } from "../../drivers/portmap-config.ts";
import { oneOf } from "../../model/parse.ts";
import type { Port } from "../../model/port.ts";
import type { Call, Plugin } from "../plugin.ts";
import { linkPlugin } from "./link-plugin.ts";

const type = "netloom";

/** The driver's plugin, with published ports. */
function pluginOf(call: Call): Plugin {
  const networkTypes = drivers.map((driver) => driver.networkType);
  const name = oneOf(...networkTypes)(call.conf.raw.driver, "driver");
  const driver = drivers.find((candidate) => candidate.networkType === name)!;
  return linkPlugin(publishes(call) ? withHairpin(driver) : driver, { type, extras });
}

function publishes({ runtimeConfig }: Call): boolean {
  return Array.isArray(runtimeConfig.portMappings) && runtimeConfig.portMappings.length > 0;
}

const extras = (call: Call) => {
  const config = parsePortmapConfig(call.conf.raw);
  return (port: Port, link: string) =>
    portmapObjects({ ...port, ...config, via: { 4: link, 6: link } });
};

/** What was made is taken away by its record: a driver that the configuration lost is no matter. */
const taking = linkPlugin(drivers[0]!, { type });

export const netloomPlugin: Plugin = {
  type,
  add: (call) => pluginOf(call).add(call),
  del: (call) => taking.del(call),
  check: (call) => pluginOf(call).check(call),
  gc: (call, valid) => taking.gc(call, valid),
  status: (call) => pluginOf(call).status(call),
};
