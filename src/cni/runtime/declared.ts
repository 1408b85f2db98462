/** Declared networks, as lists of the one plugin that asks this host's agent. */
import { existsSync } from "node:fs";
import { agentSocket } from "../../engine/agent-files.ts";
import { pathsFromEnv } from "../../engine/paths.ts";
import { CniError } from "../errors.ts";
import type { CachedAttachment } from "./cache.ts";
import { type NetworkList, parseNetworkList } from "./network-list.ts";

/** A network of the API, `web` or `team-a/web`; and the port to attach, if it is there already. */
export interface Declared {
  readonly network: string;
  /** The port's; the agent's default unless set. */
  readonly namespace?: string;
  readonly port?: string;
}

const name = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const reference = new RegExp(`^${name}(?:/${name})?$`);

/** Whether the word may name a declared network: it is no file. */
export const mayBeDeclared = (word: string): boolean => reference.test(word) && !existsSync(word);

/** Whether this host has an agent that may know of declared networks. */
export const hasAgent = (): boolean => existsSync(ownSocket());

const ownSocket = () => agentSocket(pathsFromEnv(process.env));

/** The error about a network that no list defines, with what a declared one lacks. */
export function lacksAgent({ code, message, details }: CniError): CniError {
  const why =
    `It may be a declared one, but no agent is at "${ownSocket()}": start "netloom up", or ` +
    '"netloom agent" where a server runs, or name its run directory in NETLOOM_RUN_DIR';
  return new CniError(code, message, [why, details].filter(Boolean).join("; "));
}

/** Capabilities that the agent takes: a person may publish ports of a port made on the spot. */
const capabilities = { portMappings: true, mac: true, ips: true };

export function declaredNetwork({ network, namespace, port }: Declared): NetworkList {
  const plugin = {
    type: "netloom",
    network,
    ...(namespace !== undefined && { namespace }),
    ...(port !== undefined && { args: { cni: { port } } }),
    capabilities,
  };
  // A runtime's name for it holds no slash.
  const list = { cniVersion: "1.1.0", name: network.replace("/", "."), plugins: [plugin] };
  return parseNetworkList(JSON.stringify(list));
}

/** Whether it was attached to that port by name. What can't be read is of no port. */
export function isOfPort(cached: CachedAttachment, port: Required<Omit<Declared, "network">>) {
  const [plugin] = pluginsOf(cached);
  const args = new Map(cached.args ?? []);
  const named = plugin?.raw.args as { readonly cni?: { readonly port?: unknown } } | undefined;
  const name = named?.cni?.port ?? args.get("NETLOOM_PORT");
  const namespace =
    args.get("K8S_POD_NAMESPACE") || args.get("NETLOOM_NAMESPACE") || plugin?.raw.namespace;
  return name === port.port && (namespace || "default") === port.namespace;
}

function pluginsOf({ json }: CachedAttachment) {
  try {
    return parseNetworkList(json).plugins;
  } catch {
    return [];
  }
}
