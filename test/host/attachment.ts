/** One container's attachment to a network of a private host, made by plugins as libcni does. */
import type { Finished, PrivateHost } from "./private-host.ts";

/** A network list. Plugins hold their runtimeConfig already. */
export interface Network {
  readonly name: string;
  readonly bridge: string;
  readonly plugins: readonly { readonly type: string; readonly [key: string]: unknown }[];
}

export type Verb = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS";

/** Where PrivateHost.installPlugins puts them. */
const pluginDir = "/opt/cni/bin";

/** One plugin's call, ready to be run; `wrap` may put a tracer before it. */
export interface PluginCall {
  readonly command: string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export class Attachment {
  readonly host: PrivateHost;
  readonly network: Network;
  readonly containerId: string;
  /** The last ADD's final result; undefined before one, and after a failed one. */
  result: any;

  /** The container's namespace is /run/netns/`containerId`; who calls makes it. */
  constructor(host: PrivateHost, network: Network, containerId: string) {
    this.host = host;
    this.network = network;
    this.containerId = containerId;
  }

  /** The chain's calls in the verb's order. Each ADD needs its predecessor's result. */
  calls(verb: Verb): ((previous: unknown) => PluginCall)[] {
    const plugins = [...this.network.plugins];
    const ordered = verb === "DEL" ? plugins.reverse() : plugins;
    return ordered.map((plugin) => (previous) => this.#call(verb, plugin, previous));
  }

  /** Runs a verb through the chain. Throws with the plugin's words where one fails. */
  async run(verb: Verb): Promise<void> {
    let previous: unknown = verb === "ADD" ? undefined : this.result;
    for (const prepare of this.calls(verb)) {
      const call = prepare(previous);
      const finished = await this.host.attempt(call.command, call);
      if (finished.exitCode !== 0) throw this.#failure(verb, call, finished);
      if (verb === "ADD") previous = JSON.parse(finished.stdout);
    }
    if (verb === "ADD") this.result = previous;
    if (verb === "DEL") this.result = undefined;
  }

  /** The addresses of its last ADD, with prefix lengths. */
  get addresses(): string[] {
    return (this.result?.ips ?? []).map(({ address }: { address: string }) => address);
  }

  #call(verb: Verb, plugin: Network["plugins"][number], previous: unknown): PluginCall {
    const ofRuntime =
      verb === "GC"
        ? { "cni.dev/valid-attachments": [] }
        : previous === undefined
          ? {}
          : { prevResult: previous };
    const config = { cniVersion: "1.1.0", name: this.network.name, ...plugin, ...ofRuntime };
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: this.containerId,
      CNI_NETNS: `/run/netns/${this.containerId}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: pluginDir,
    };
    return { command: [`${pluginDir}/${plugin.type}`], env, stdin: JSON.stringify(config) };
  }

  #failure(verb: Verb, { command }: PluginCall, { exitCode, stdout, stderr }: Finished) {
    const said = (stdout + stderr).trim();
    return new Error(
      `${verb} of "${this.containerId}" by "${command.join(" ")}" exited with ${exitCode}: ${said}`,
    );
  }
}

/** Makes empty namespaces for containers. */
export async function makeContainers(host: PrivateHost, ids: readonly string[]): Promise<void> {
  const script = 'for id; do ip netns add "$id" || exit 1; done';
  await host.run(["sh", "-c", script, "sh", ...ids]);
}
