/** Runs a command in a namespace of its own, attached to networks, and cleans up after it. */
import { raiseLoopback } from "../../engine/loopback.ts";
import { dropNamespace, endProcesses, makeNamespace, spawnInside } from "../../engine/sandbox.ts";
import { checkContainerId } from "../env.ts";
import { CniError, cniCodes, toCniError } from "../errors.ts";
import type { Result } from "../types.ts";
import { addNetwork, delNetwork } from "./attach.ts";
import type { Attachment, Runtime } from "./attachment.ts";
import type { NetworkList } from "./network-list.ts";
import { statusOf, type Watch, watchSignals } from "./signals.ts";

/** A sandbox to run a command in. */
export interface SandboxOptions extends Runtime {
  /** Attached in this order, as eth0, eth1 … */
  readonly networks: readonly NetworkList[];
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Container ID, and name of the namespace. Absent: `sandbox-` and 8 hex digits. */
  readonly name?: string;
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
  /** Told of each attachment, before the command starts. */
  readonly onAttach?: (list: NetworkList, result: Result) => void;
}

/**
 * Makes the sandbox, runs the command with our standard streams, removes the sandbox with whatever
 * the command left running in it. SIGINT,
 * SIGTERM and SIGHUP go on to the command. Gives its exit status, 128 and the signal's number when
 * a signal ended it, 127 when there is no such program. Throws CniError when the sandbox can't be
 * made, AggregateError when something of it stays.
 */
export async function runSandbox(options: SandboxOptions): Promise<number> {
  const name = options.name ?? `sandbox-${crypto.randomUUID().slice(0, 8)}`;
  checkContainerId(name, "Sandbox name");
  const watch = watchSignals();
  try {
    const netns = makeNamespaceFor(name);
    const undo: (() => void | Promise<void>)[] = [() => dropNamespace(netns)];
    try {
      raiseLoopback(netns);
      for (const [i, list] of options.networks.entries()) {
        const { capabilityArgs } = options;
        const attachment: Attachment = {
          containerId: name,
          ifName: `eth${i}`,
          netns,
          capabilityArgs,
        };
        const result = await addNetwork(options, list, attachment);
        undo.push(() => delNetwork(options, list, attachment));
        options.onAttach?.(list, result);
      }
      // First to go: what the command left running would outlive its network.
      undo.push(() => endProcesses(netns));
      return watch.ended ? statusOf(watch.ended) : await run(netns, options, watch);
    } finally {
      await undoAll(undo, name);
    }
  } finally {
    watch.stop();
  }
}

function makeNamespaceFor(name: string): string {
  try {
    return makeNamespace(name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST") {
      throw new CniError(cniCodes.netns, `Cannot make a network namespace "${name}": ${message}`);
    }
    throw new CniError(
      cniCodes.conflict,
      `A namespace "${name}" exists already: choose another name, or remove it with "ip netns del"`,
    );
  }
}

async function run(netns: string, { command }: SandboxOptions, watch: Watch): Promise<number> {
  let child: Bun.Subprocess;
  try {
    child = spawnInside(netns, command);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    console.error(`netloom: cannot run "${command[0]}": ${message}`);
    return code === "ENOENT" ? 127 : 126;
  }
  // What is typed reaches the command by itself: twice would be once too often.
  watch.forward = (signal, typed) => {
    if (!typed) child.kill(signal);
  };
  await child.exited;
  if (child.signalCode) return statusOf(child.signalCode);
  return child.exitCode ?? 1;
}

/** Undoes what was done, last first, and goes on past failures. */
async function undoAll(steps: readonly (() => void | Promise<void>)[], name: string) {
  const errors: CniError[] = [];
  for (const step of steps.toReversed()) {
    try {
      await step();
    } catch (error) {
      errors.push(toCniError(error));
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `Sandbox "${name}" is not gone whole`);
}
