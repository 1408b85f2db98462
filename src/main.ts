/** Looks at the name and the first word it was called by and loads one room. */
import manifest from "../package.json" with { type: "json" };
import type { PortAttachment } from "./cli/commands/port-attachment.ts";
import type { StoreCopying } from "./cli/commands/store-copying.ts";
import type { Plugin } from "./cni/plugin.ts";
import type { PluginEntry } from "./cni/run.ts";

/** A plugin's name → its code, loaded when called. */
const plugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  bandwidth: async () => (await import("./cni/plugins/bandwidth.ts")).bandwidthPlugin,
  bridge: async () => (await import("./cni/plugins/bridge.ts")).bridgePlugin,
  dhcp: async () => {
    const { dhcpIpam } = await import("./cni/plugins/dhcp.ts");
    return (await import("./cni/ipam.ts")).ipamPlugin(dhcpIpam);
  },
  dummy: async () => (await import("./cni/plugins/dummy.ts")).dummyPlugin,
  firewall: async () => (await import("./cni/plugins/firewall.ts")).firewallPlugin,
  "host-device": async () => (await import("./cni/plugins/host-device.ts")).hostDevicePlugin,
  "host-local": async () => {
    const { hostLocalIpam } = await import("./cni/plugins/host-local.ts");
    return (await import("./cni/ipam.ts")).ipamPlugin(hostLocalIpam);
  },
  ipvlan: async () => (await import("./cni/plugins/ipvlan.ts")).ipvlanPlugin,
  loopback: async () => (await import("./cni/plugins/loopback.ts")).loopbackPlugin,
  macvlan: async () => (await import("./cni/plugins/macvlan.ts")).macvlanPlugin,
  netloom: async () => (await import("./cni/plugins/netloom.ts")).netloomPlugin,
  portmap: async () => (await import("./cni/plugins/portmap.ts")).portmapPlugin,
  ptp: async () => (await import("./cni/plugins/ptp.ts")).ptpPlugin,
  sbr: async () => (await import("./cni/plugins/sbr.ts")).sbrPlugin,
  static: async () => {
    const { staticIpam } = await import("./cni/plugins/static.ts");
    return (await import("./cni/ipam.ts")).ipamPlugin(staticIpam);
  },
  tap: async () => (await import("./cni/plugins/tap.ts")).tapPlugin,
  tuning: async () => (await import("./cni/plugins/tuning.ts")).tuningPlugin,
  vlan: async () => (await import("./cni/plugins/vlan.ts")).vlanPlugin,
  vrf: async () => (await import("./cni/plugins/vrf.ts")).vrfPlugin,
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

/** Where the reference's DHCP daemon listens unless told otherwise. */
const referenceSocket = "--socketpath=/run/cni/dhcp.sock";

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
    const { endLeftDaemons } = await import("./agent/bgp/left-daemons.ts");
    return (await import("./cni/runtime/clean.ts")).runCleanCommand(endLeftDaemons);
  },
  async doctor(words) {
    const { doctorHelp, parseDoctorCommand } = await import("./cli/doctor.ts");
    const command = parseDoctorCommand(words);
    if (command === "help") return say(doctorHelp);
    return (await import("./doctor/command.ts")).runDoctorCommand(command);
  },
  dhcp: (words) => runDhcp(words),
  async uplink(words) {
    const { parseUplinkCommand, uplinkHelp } = await import("./cli/uplink.ts");
    const command = parseUplinkCommand(words);
    if (command === "help") return say(uplinkHelp);
    return (await import("./cni/runtime/uplink.ts")).runUplinkCommand(command);
  },
  async up(words) {
    const { parseUpCommand, upHelp } = await import("./cli/up.ts");
    const { pathsFromEnv } = await import("./engine/paths.ts");
    const command = parseUpCommand(words, pathsFromEnv(process.env));
    if (command === "help") return say(upHelp);
    const { runServerCommand } = await import("./control/command.ts");
    const { version } = manifest;
    return runServerCommand({ ...command, name: "up" }, version, async (log) => {
      const { startAgent, usualHostName } = await import("./agent/run.ts");
      const { host = usualHostName(), stateDir, runDir } = command;
      const servers = [`unix:${runDir}/api.sock`];
      const isBesideStore = command.store?.startsWith("etcd:") !== true;
      const place = { stateDir, runDir, host, servers, credentials: {}, isBesideStore };
      return startAgent({ ...place, version, log });
    });
  },
  async agent(words) {
    const { agentHelp, parseAgentCommand } = await import("./cli/agent.ts");
    const { pathsFromEnv } = await import("./engine/paths.ts");
    const command = parseAgentCommand(words, pathsFromEnv(process.env));
    if (command === "help") return say(agentHelp);
    const { version } = manifest;
    return (await import("./agent/command.ts")).runAgentCommand({ ...command, version });
  },
  /** For the agent alone: see docs/design/udp-backend.md. */
  async "udp-tunnel"(words) {
    return (await import("./tunnel/command.ts")).runTunnelCommand(words);
  },
  async server(words) {
    const { parseServerCommand, serverHelp } = await import("./cli/server.ts");
    const command = parseServerCommand(words);
    if (command === "help") return say(serverHelp);
    const { pathsFromEnv } = await import("./engine/paths.ts");
    const { runServerCommand } = await import("./control/command.ts");
    const whole = { ...pathsFromEnv(process.env), ...command, name: "server" } as const;
    return runServerCommand(whole, manifest.version);
  },
};

/** All other commands: those that ask the API, and help. */
async function runCli(words: readonly string[]): Promise<number> {
  // Nothing is loaded for it: scripts ask often.
  if (words.length === 1 && words[0] === "version") return say(`netloom ${manifest.version}\n`);
  const { runCli } = await import("./cli/run.ts");
  const { realSurroundings } = await import("./cli/real-surroundings.ts");
  const attachPort = async (attachment: PortAttachment) =>
    (await import("./cni/runtime/command.ts")).runPortCommand(attachment);
  const copyStore = async (copying: StoreCopying) => {
    const { pathsFromEnv } = await import("./engine/paths.ts");
    const { copyStore } = await import("./control/store-command.ts");
    return copyStore(copying, pathsFromEnv(process.env).stateDir);
  };
  const { version } = manifest;
  return runCli(words, realSurroundings({ version, attachPort, copyStore }));
}

async function runDhcp(words: readonly string[]): Promise<number> {
  const { dhcpHelp, parseDhcpCommand } = await import("./cli/dhcp.ts");
  const command = parseDhcpCommand(words);
  if (command === "help") return say(dhcpHelp);
  const { pathsFromEnv } = await import("./engine/paths.ts");
  const paths = pathsFromEnv(process.env);
  if (command.verb === "list") {
    return (await import("./cni/dhcp-list.ts")).listLeases({ ...command, paths });
  }
  return (await import("./dhcp/daemon/command.ts")).runDhcpCommand({ ...command, ...paths });
}

function say(text: string): number {
  console.log(text.trimEnd());
  return 0;
}

/** Those that run for days: what is hot is compiled a thousand times later than usual else. */
const staying: ReadonlySet<string> = new Set(["agent", "dhcp", "server", "udp-tunnel", "up"]);

async function runCommand(words: readonly string[]): Promise<number> {
  const [first = "help", ...rest] = words;
  if (staying.has(first)) Bun.unsafe.setJITPolicy(1);
  if (first === "-h" || first === "--help") return runCli(["help", ...rest]);
  if (first === "--version" || first === "-V") return runCli(["version", ...rest]);
  if (!Object.hasOwn(commands, first)) return runCli([first, ...rest]);
  try {
    return await commands[first]!(rest);
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
  // As the reference's daemon is begun: by the plugin's name and this word.
  if (name === "dhcp" && words[0] === "daemon") {
    const place = words.some((word) => /^--?socketpath\b/.test(word)) ? [] : [referenceSocket];
    return runCommand(["dhcp", ...place, ...words.slice(1)]);
  }
  const isPlugin = name !== "netloom" || (words.length === 0 && process.env.CNI_COMMAND);
  if (entry && isPlugin) return (await import("./cni/run.ts")).runPlugin(entry);
  return runCommand(words);
}

process.exitCode = await main();
