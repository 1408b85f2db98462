/**
 * The `netloom` plugin: with an inline `driver`, the work of a chain of plugins in one run; with
 * the name of a declared `network`, what the host's agent makes of it. Either is loaded alone: all
 * drivers together take a process some 5 ms.
 */
import { ConfigError } from "../../model/config-error.ts";
import type { Call, Plugin } from "../plugin.ts";

/** Who does the work. Throws ConfigError where the configuration names both. */
async function chosen({ conf }: Call): Promise<Plugin> {
  const { network, driver } = conf.raw;
  if (network === undefined || network === null) {
    return (await import("./inline-driver.ts")).inlineDriver;
  }
  if (driver !== undefined && driver !== null) {
    throw new ConfigError(
      "network",
      'does not go with "driver": a declared network says itself how it is made',
    );
  }
  return (await import("./declared-network.ts")).declaredNetwork;
}

export const netloomPlugin: Plugin = {
  type: "netloom",
  add: async (call) => (await chosen(call)).add(call),
  del: async (call) => (await chosen(call)).del(call),
  check: async (call) => (await chosen(call)).check(call),
  gc: async (call, valid) => (await chosen(call)).gc(call, valid),
  status: async (call) => (await chosen(call)).status(call),
};
