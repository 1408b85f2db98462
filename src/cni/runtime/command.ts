/** What `netloom cni`, `sandbox` and `port` do, and what they print. */
import { existsSync, realpathSync, writeSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { netnsPath } from "../../engine/sandbox.ts";
import { checkContainerId, checkIfName, isCniName } from "../env.ts";
import { CniError, cniCodes, errorJson, toCniError } from "../errors.ts";
import { writeResult } from "../result.ts";
import type { AttachmentId } from "../types.ts";
import { addNetwork, checkNetwork, delNetwork } from "./attach.ts";
import { type Attachment, defaultCacheDir, type Runtime } from "./attachment.ts";
import { attachments, gcNetwork, statusNetwork } from "./collect.ts";
import {
  type Declared,
  declaredNetwork,
  hasAgent,
  isOfPort,
  lacksAgent,
  mayBeDeclared,
} from "./declared.ts";
import { findNetwork, loadNetworkFile, type NetworkList, networksIn } from "./network-list.ts";
import { resultLines, table } from "./show.ts";
import { statusOf, watchSignals } from "./signals.ts";

/** Where things are; an absent `cniPath` means CNI_PATH, or /opt/cni/bin. */
interface Places {
  readonly confDir: string;
  readonly cniPath?: string;
  readonly cacheDir: string;
}

/** A command of `netloom cni`. */
export type CniCommand = Places & { readonly json: boolean } & (
    | AttachCommand
    | { readonly verb: "gc"; readonly network: string; readonly keep: readonly AttachmentId[] }
    | { readonly verb: "status"; readonly network: string }
    | { readonly verb: "list" }
  );

interface AttachCommand {
  readonly verb: "add" | "del" | "check";
  /** A name, or a file. */
  readonly network: string;
  /** Names or paths. */
  readonly namespaces: readonly string[];
  readonly ifName: string;
  readonly containerId?: string;
  readonly args: readonly (readonly [string, string])[];
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
}

/** A command of `netloom sandbox`. */
export interface SandboxCommand extends Places {
  readonly networks: readonly string[];
  readonly command: readonly string[];
  readonly name?: string;
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
}

const print = (text: string) => writeSync(1, `${text}\n`);
const complain = (text: string) => writeSync(2, `netloom: ${text}\n`);

/** Does the command and gives the exit status. Errors are printed, never thrown. */
export async function runCniCommand(command: CniCommand): Promise<number> {
  try {
    return await perform(command, runtimeOf(command));
  } catch (error) {
    return fail(error, command.json);
  }
}

/** The same for `netloom sandbox`. */
export async function runSandboxCommand(command: SandboxCommand): Promise<number> {
  try {
    const networks = command.networks.map((network) => openNetwork(network, command.confDir));
    refuseUndeclared(networks, command.capabilityArgs);
    const { runSandbox } = await import("./sandbox.ts");
    return await runSandbox({ ...runtimeOf(command), ...command, networks });
  } catch (error) {
    return fail(error, false);
  }
}

/** What `netloom port` does: a namespace by name or path, and the declared port that is meant. */
export type PortCommand = Required<Omit<Declared, "network">> & { readonly netns: string } & (
    | { readonly verb: "attach"; readonly network: string; readonly ifName: string }
    | { readonly verb: "detach"; readonly ifName?: string }
  );

/** The same for `netloom port`. */
export async function runPortCommand(command: PortCommand): Promise<number> {
  const places = { confDir: "", cacheDir: defaultCacheDir, json: false };
  const given = { ...places, namespaces: [command.netns], args: [], capabilityArgs: {} };
  const runtime = runtimeOf(places);
  try {
    if (command.verb === "attach") {
      const add = { ...given, ...command, verb: "add" } as const;
      return await forEachNamespace(add, runtime, declaredNetwork(command));
    }
    const { port, namespace, netns, ifName } = command;
    const containerId = idOf(netnsOf(netns));
    const found = attachments(runtime).find(
      (one) =>
        one.containerId === containerId &&
        isOfPort(one, command) &&
        (ifName === undefined || one.ifName === ifName),
    );
    if (found) {
      const { network } = found;
      const del = { ...given, network, ifName: found.ifName, verb: "del" } as const;
      return await forEachNamespace(del, runtime, { name: network });
    }
    print(
      `"${netns}" was not attached to port "${namespace}/${port}" by "netloom port attach": ` +
        '"netloom cni list" shows what is attached',
    );
    return 0;
  } catch (error) {
    return fail(error, false);
  }
}

/** Of what people attach by hand: as of every command about declared things (`cli/exit.ts`). */
const inUseStatus = 4;

function fail(thrown: unknown, json: boolean): 1 {
  const error = toCniError(thrown);
  if (json) print(errorJson(error));
  else complain([error.message, ...error.details.split("; ").filter(Boolean)].join("\n  "));
  return 1;
}

function runtimeOf({ cniPath, cacheDir }: Places): Runtime {
  const path = cniPath ?? (process.env.CNI_PATH || "/opt/cni/bin");
  return { path: path.split(":").filter((folder) => folder !== ""), cacheDir };
}

async function perform(command: CniCommand, runtime: Runtime): Promise<number> {
  switch (command.verb) {
    case "list":
      list(command, runtime);
      return 0;
    case "status": {
      const network = openNetwork(command.network, command.confDir);
      await statusNetwork(runtime, network);
      if (!command.json) print(`Network "${network.name}" can take containers`);
      return 0;
    }
    case "gc": {
      const before = attachments(runtime).length;
      const network = openNetwork(command.network, command.confDir);
      await gcNetwork(runtime, network, command.keep);
      const gone = before - attachments(runtime).length;
      if (!command.json) print(`Collected network "${network.name}": ${gone} detached`);
      return 0;
    }
    default:
      return await forEachNamespace(command, runtime);
  }
}

/**
 * Each namespace by itself: one that fails doesn't keep the others from their turn. A signal ends
 * us between two of them, so that none stays half attached; a second one ends us at once.
 */
async function forEachNamespace(
  command: AttachCommand & CniCommand,
  runtime: Runtime,
  declared?: Context["network"],
) {
  checkIfName(command.ifName, "Link name");
  const network = declared ?? openForVerb(command);
  const watch = watchSignals();
  let signals = 0;
  watch.forward = (signal) => {
    if (++signals > 1) process.exit(statusOf(signal));
  };
  let status = 0;
  for (const namespace of command.namespaces) {
    if (watch.ended) return statusOf(watch.ended);
    try {
      await attachOrDetach({ command, runtime, network }, namespace);
    } catch (error) {
      const failed = fail(error, command.json);
      const isInUse = toCniError(error).code === cniCodes.conflict;
      status = declared && isInUse ? inUseStatus : failed;
    }
  }
  return status;
}

interface Context {
  readonly command: AttachCommand & { readonly json: boolean };
  readonly runtime: Runtime;
  readonly network: NetworkList | { readonly name: string };
}

async function attachOrDetach({ command, runtime, network }: Context, namespace: string) {
  const attachment = attachmentOf(command, namespace);
  const started = performance.now();
  const what = `"${namespace}" ${command.ifName} on network "${network.name}"`;
  const say = (text: string) => {
    const ms = Math.round(performance.now() - started);
    if (!command.json) print(`${text} (${ms} ms)`);
  };
  if (!("plugins" in network) || command.verb === "del") {
    await delNetwork(runtime, network, attachment);
    say(`Detached ${what}`);
  } else if (command.verb === "check") {
    await checkNetwork(runtime, network, attachment);
    say(`Checked ${what}: as it should be`);
  } else {
    const result = await addNetwork(runtime, network, attachment);
    say(`Attached ${what}`);
    if (command.json) print(JSON.stringify(writeResult(result, network.cniVersion)));
    else for (const line of resultLines(result)) print(`  ${line}`);
  }
}

function attachmentOf(command: AttachCommand, namespace: string): Attachment {
  const netns = netnsOf(namespace);
  const containerId = command.containerId ?? idOf(netns);
  checkContainerId(containerId, "Container ID");
  const { ifName, args, capabilityArgs } = command;
  const given = command.verb === "add";
  // DEL and CHECK take what ADD was given from the cache unless it is given anew.
  return {
    containerId,
    ifName,
    netns,
    ...((given || args.length > 0) && { args }),
    ...((given || Object.keys(capabilityArgs).length > 0) && { capabilityArgs }),
  };
}

const netnsOf = (word: string) => (word.includes("/") ? resolve(word) : netnsPath(word));

/** One namespace, one ID, whatever links lead to it (/var/run is one to /run), gone or not. */
function idOf(netns: string): string {
  const folder = dirname(netns);
  const name = basename(netns);
  const real = `${existsSync(folder) ? realpathSync(folder) : folder}/${name}`;
  const hash = new Bun.CryptoHasher("sha256").update(real).digest("hex").slice(0, 8);
  return isCniName(name) ? `${name}-${hash}` : `netns-${hash}`;
}

/** A file, a list of the folder, or a declared network of this host's agent. */
function openNetwork(network: string, confDir: string): NetworkList {
  const isFile = network.includes("/") || /\.(conflist|conf|json)$/.test(network);
  const isDeclared = mayBeDeclared(network);
  if (isDeclared && hasAgent()) {
    const isListed = networksIn(confDir).networks.some(({ name }) => name === network);
    if (!isListed) return declaredNetwork({ network });
  }
  try {
    return isFile ? loadNetworkFile(network) : findNetwork(network, confDir);
  } catch (error) {
    throw isDeclared ? lacksAgent(toCniError(error)) : error;
  }
}

/** A network whose file is gone can still be detached from: the cache has what it was. */
function openForVerb(command: AttachCommand & Places): Context["network"] {
  try {
    const network = openNetwork(command.network, command.confDir);
    if (command.verb === "add") refuseUndeclared([network], command.capabilityArgs);
    return network;
  } catch (error) {
    if (command.verb !== "del" || command.network.includes("/")) throw error;
    return { name: command.network };
  }
}

/** libcni drops what no plugin declares; a person who publishes a port wants to know. */
function refuseUndeclared(
  networks: readonly NetworkList[],
  capabilityArgs: Readonly<Record<string, unknown>>,
): void {
  const plugins = networks.flatMap((network) => network.plugins);
  for (const capability of Object.keys(capabilityArgs)) {
    if (plugins.some((plugin) => plugin.capabilities.includes(capability))) continue;
    const names = networks.map(({ name }) => `"${name}"`).join(", ");
    throw new CniError(
      cniCodes.config,
      `No plugin of network ${names} has the capability "${capability}": add "capabilities": {"${capability}": true} to one that has it`,
    );
  }
}

function list({ confDir, json }: Places & { readonly json: boolean }, runtime: Runtime): void {
  const { networks, broken } = networksIn(confDir);
  const attached = attachments(runtime);
  if (json) {
    const shown = networks.map(({ name, cniVersion, file, plugins }) => {
      return { name, cniVersion, file, plugins: plugins.map(({ type }) => type) };
    });
    const held = attached.map(({ json: _, ...rest }) => rest);
    print(JSON.stringify({ networks: shown, attachments: held }));
  } else {
    const types = (network: NetworkList) => network.plugins.map(({ type }) => type).join(", ");
    const rows = networks.map((one) => [one.name, one.cniVersion, types(one), one.file ?? ""]);
    if (rows.length === 0) print(`No networks in "${confDir}"`);
    else for (const line of table(["NETWORK", "VERSION", "PLUGINS", "FILE"], rows)) print(line);
    const held = attached.map((one) => [one.containerId, one.network, one.ifName, one.netns ?? ""]);
    if (held.length > 0) print("");
    for (const line of table(["CONTAINER", "NETWORK", "LINK", "NAMESPACE"], held)) print(line);
  }
  for (const { message } of broken) complain(message);
}
