/** Attaches and detaches containers as a container runtime does: by calling CNI plugins. */
import { readFileSync } from "node:fs";
import { run } from "./programs.ts";

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

interface Plugin {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

interface Result {
  readonly ips: readonly { readonly address: string }[];
}

/** One container's attachment to the network of a list. */
export class Attachment {
  readonly #list: { name: string; cniVersion: string; plugins: Plugin[] };
  readonly #pluginDir: string;
  readonly #container: string;
  readonly #portMappings: readonly PortMapping[];
  #result: Result | undefined;

  constructor(options: {
    listFile: string;
    pluginDir: string;
    container: string;
    portMappings?: readonly PortMapping[];
  }) {
    this.#list = JSON.parse(readFileSync(options.listFile, "utf8"));
    this.#pluginDir = options.pluginDir;
    this.#container = options.container;
    this.#portMappings = options.portMappings ?? [];
  }

  /** Calls each plugin of the list with ADD. */
  async add(): Promise<void> {
    for (const plugin of this.#list.plugins) {
      this.#result = JSON.parse(await this.#call("ADD", plugin));
    }
  }

  /** The container's addresses without prefix length; none before ADD. */
  get addresses(): string[] {
    return (this.#result?.ips ?? []).map(({ address }) => address.split("/")[0]!);
  }

  /** Calls each plugin of the list with DEL, the last one first. */
  async del(): Promise<void> {
    for (const plugin of [...this.#list.plugins].reverse()) await this.#call("DEL", plugin);
  }

  #call(command: "ADD" | "DEL", plugin: Plugin): Promise<string> {
    const { name, cniVersion } = this.#list;
    const ports = plugin.capabilities?.portMappings && this.#portMappings.length > 0;
    const config = {
      ...plugin,
      name,
      cniVersion,
      prevResult: this.#result,
      runtimeConfig: ports ? { portMappings: this.#portMappings } : undefined,
    };
    return run([`${this.#pluginDir}/${plugin.type}`], {
      stdin: JSON.stringify(config),
      env: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: `demo-${this.#container}`,
        CNI_NETNS: `/run/netns/${this.#container}`,
        CNI_IFNAME: "eth0",
        CNI_PATH: this.#pluginDir,
      },
    });
  }
}
