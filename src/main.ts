/** Looks at the name and the first word it was called by and loads one room. */
import manifest from "../package.json" with { type: "json" };
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

/** The plugin of that name. */
function pluginOf(name: string): PluginEntry | undefined {
  const load = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  return load && { type: name, load };
}

/** A word on the command line → what it does, loaded when called. Gives the exit status. */
const commands: Readonly<Record<string, (words: readonly string[]) => Promise<number>>> = {
  async cni(words) {
    const { cniHelp, parseCniCommand } = await import("./cli/cni.ts");
    const command = parseCniCommand(words);
    if (command === "help") return say(cniHelp);
    return (await import("./cni/runtime/command.ts")).runCniCommand(command);
  },
  async sandbox(words) {
    const { parseSandboxCommand, sandboxHelp } = await import("./cli/sandbox.ts");
    const command = parseSandboxCommand(words);
    if (command === "help") return say(sandboxHelp);
    return (await import("./cni/runtime/command.ts")).runSandboxCommand(command);
  },
  async clean(words) {
    const { cleanHelp, parseCleanCommand } = await import("./cli/clean.ts");
    if (parseCleanCommand(words) === "help") return say(cleanHelp);
    return (await import("./cni/runtime/clean.ts")).runCleanCommand();
  },
  version: async () => say(`netloom ${manifest.version}\n`),
  help: async () => say((await import("./cli/help.ts")).help),
};

function say(text: string): number {
  console.log(text.trimEnd());
  return 0;
}

async function runCommand([first = "help", ...words]: readonly string[]): Promise<number> {
  const name = first === "-h" ? "help" : first.replace(/^--/, "");
  try {
    if (Object.hasOwn(commands, name)) return await commands[name]!(words);
    console.error(`netloom: "${first}" is no command: netloom --help lists them`);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "UsageError") throw error;
    console.error(`netloom: ${error.message}`);
  }
  return 2;
}

/** The name `netloom` is a plugin's too: a runtime gives it no words, but CNI's variables. */
async function main(): Promise<number> {
  const name = calledAs();
  const words = process.argv.slice(2);
  const entry = pluginOf(name);
  const isPlugin = name !== "netloom" || (words.length === 0 && process.env.CNI_COMMAND);
  if (entry && isPlugin) return (await import("./cni/run.ts")).runPlugin(entry);
  return runCommand(words);
}

process.exitCode = await main();
