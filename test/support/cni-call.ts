/** Calls CNI plugins inside a test host as a runtime does: alone, or as a chain. */
import { join } from "node:path";
import { type Finished, run } from "./run.ts";
import { netnsPath, type TestHost } from "./test-host.ts";

export type CniCommand = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS" | "VERSION";

export interface CniCall {
  readonly host: TestHost;
  /** Directory of plugin binaries; it is CNI_PATH too. */
  readonly plugins: string;
  readonly command: CniCommand;
  /** The plugin's name. */
  readonly type: string;
  /** Standard input: an object to be written as JSON, or text as it is. */
  readonly config: unknown;
  readonly containerId?: string;
  /** Name of the container's namespace below /var/run/netns; absent: CNI_NETNS is not given. */
  readonly container?: string;
  /** `eth0` by default. */
  readonly ifName?: string;
  readonly cniArgs?: string;
  /** Added to the environment; an undefined value takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A plugin's answer. */
export interface CniAnswer extends Finished {
  readonly ok: boolean;
  /** Standard output read as JSON; undefined where it is empty or is none. */
  readonly json: any;
}

/** Calls one plugin once. */
export async function callPlugin(call: CniCall): Promise<CniAnswer> {
  const { host, config } = call;
  const stdin = typeof config === "string" ? config : JSON.stringify(config);
  const finished = await run([join(call.plugins, call.type)], {
    netns: host.netns,
    stdin,
    cwd: host.dir,
    env: {
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.container === undefined ? undefined : netnsPath(call.container),
      CNI_IFNAME: call.ifName ?? "eth0",
      CNI_ARGS: call.cniArgs,
      CNI_PATH: call.plugins,
      NETLOOM_STATE_DIR: join(host.dir, "state"),
      NETLOOM_RUN_DIR: join(host.dir, "run"),
      ...call.env,
    },
  });
  return { ...finished, ok: finished.status === 0, json: parsed(finished.stdout) };
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A network list: what a conflist file holds. */
export interface NetworkList {
  readonly cniVersion?: string;
  readonly name?: string;
  readonly plugins: readonly Readonly<Record<string, unknown>>[];
}

export interface ChainCall extends Omit<CniCall, "type" | "config"> {
  readonly list: NetworkList;
  /** The final result of the ADD, for CHECK and DEL. */
  readonly prevResult?: unknown;
}

/**
 * Runs the list's plugins as libcni does: ADD and CHECK forwards, DEL backwards; an ADD hands
 * each result on. Stops at the first failure, whose answer it gives.
 */
export async function callChain(call: ChainCall): Promise<CniAnswer> {
  const { list, command } = call;
  const plugins = command === "DEL" ? [...list.plugins].reverse() : list.plugins;
  let prevResult = call.prevResult;
  let answer: CniAnswer | undefined;
  for (const plugin of plugins) {
    const config = {
      ...(list.cniVersion === undefined ? {} : { cniVersion: list.cniVersion }),
      ...(list.name === undefined ? {} : { name: list.name }),
      ...plugin,
      ...(prevResult === undefined || !passesResult(list, command) ? {} : { prevResult }),
    };
    answer = await callPlugin({ ...call, type: String(plugin.type), config });
    if (!answer.ok) return answer;
    if (command === "ADD") prevResult = answer.json;
  }
  if (answer === undefined) throw new Error("Cannot call an empty network list");
  return answer;
}

/** DEL gets the result from 0.4.0 on. */
function passesResult(list: NetworkList, command: CniCommand): boolean {
  return (
    command !== "DEL" || !["0.1.0", "0.2.0", "0.3.0", "0.3.1"].includes(list.cniVersion ?? "0.1.0")
  );
}
