/** Looks at the name and the first word it was called by and loads one room. */

import type { Plugin } from "./cni/plugin.ts";
import type { PluginEntry } from "./cni/run.ts";

/** A plugin's name → its code, loaded when called. */
const plugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  bridge: async () => (await import("./cni/plugins/bridge.ts")).bridgePlugin,
  "host-local": async () => {
    const { hostLocalIpam } = await import("./cni/plugins/host-local.ts");
    return (await import("./cni/ipam.ts")).ipamPlugin(hostLocalIpam);
  },
  loopback: async () => (await import("./cni/plugins/loopback.ts")).loopbackPlugin,
  netloom: async () => (await import("./cni/plugins/netloom.ts")).netloomPlugin,
  portmap: async () => (await import("./cni/plugins/portmap.ts")).portmapPlugin,
  ptp: async () => (await import("./cni/plugins/ptp.ts")).ptpPlugin,
  static: async () => {
    const { staticIpam } = await import("./cni/plugins/static.ts");
    return (await import("./cni/ipam.ts")).ipamPlugin(staticIpam);
  },
};

/** The last part of the path that we were called by. */
function calledAs(): string {
  const name = process.argv0;
  return name.slice(name.lastIndexOf("/") + 1);
}

/** The plugin that this call is for: by our name, or as `netloom` by CNI's own variable. */
function pluginOf(name: string): PluginEntry | undefined {
  const load = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  return load && { type: name, load };
}

async function main(): Promise<number> {
  const entry = pluginOf(calledAs());
  if (entry) return (await import("./cni/run.ts")).runPlugin(entry);
  console.log("netloom");
  return 0;
}

process.exitCode = await main();
