/**
 * The `netloom` plugin: with an inline `driver`, the work of a chain of plugins in one run; with
 * the name of a declared `network`, what the host's agent makes of it.
 */
import { drivers } from "../../drivers/index.ts";
import { ConfigError } from "../../model/config-error.ts";
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

const inProcess: Plugin = {
  type,
  add: async (call) => (await pluginOf(call)).add(call),
  del: (call) => taking.del(call),
  check: async (call) => (await pluginOf(call)).check(call),
  gc: (call, valid) => taking.gc(call, valid),
  status: async (call) => (await pluginOf(call)).status(call),
};

/** Who does the work. Throws ConfigError where the configuration names both. */
async function chosen({ conf }: Call): Promise<Plugin> {
  const { network, driver } = conf.raw;
  if (network === undefined || network === null) return inProcess;
  if (driver !== undefined && driver !== null) {
    throw new ConfigError(
      "network",
      'does not go with "driver": a declared network says itself how it is made',
    );
  }
  return (await import("./declared-network.ts")).declaredNetwork;
}

export const netloomPlugin: Plugin = {
  type,
  add: async (call) => (await chosen(call)).add(call),
  del: async (call) => (await chosen(call)).del(call),
  check: async (call) => (await chosen(call)).check(call),
  gc: async (call, valid) => (await chosen(call)).gc(call, valid),
  status: async (call) => (await chosen(call)).status(call),
};
