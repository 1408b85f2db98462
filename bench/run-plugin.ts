/** Runs one CNI plugin process and measures it: wall time, processor time, its answer. */

export type Command = "ADD" | "DEL";

/** What one call needs, as libcni would pass it. */
export interface PluginCall {
  /** The executable's path. */
  readonly executable: string;
  readonly command: Command;
  readonly containerId: string;
  readonly netns: string;
  readonly ifName: string;
  /** CNI_PATH: where delegates are found. */
  readonly pluginDir: string;
  /** Netloom's own directories, beside the protocol. */
  readonly stateDir: string;
  readonly config: object;
}

/** One process's cost. CPU time counts the plugin and the children it waited for. */
export interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface Answer extends Sample {
  /** Standard output, parsed; undefined if there was none. */
  readonly result: unknown;
}

/** The environment of a call: the protocol's variables and nothing of ours. */
export function environment(call: PluginCall): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.netns,
    CNI_IFNAME: call.ifName,
    CNI_PATH: call.pluginDir,
    NETLOOM_STATE_DIR: `${call.stateDir}/state`,
    NETLOOM_RUN_DIR: `${call.stateDir}/run`,
  };
}

/** Runs it alone: nothing else happens meanwhile. Throws when the plugin fails. */
export function runAlone(call: PluginCall): Answer {
  const stdin = Buffer.from(JSON.stringify(call.config));
  const start = Bun.nanoseconds();
  const done = Bun.spawnSync([call.executable], {
    env: environment(call),
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const wallMs = (Bun.nanoseconds() - start) / 1e6;
  const output = done.stdout.toString();
  if (done.exitCode !== 0) throw failure(call, output + done.stderr.toString());
  return { wallMs, cpuMs: cpuMs(done.resourceUsage), result: parse(output) };
}

/** The same beside other calls. */
export async function runBeside(call: PluginCall): Promise<Answer> {
  const stdin = Buffer.from(JSON.stringify(call.config));
  const start = Bun.nanoseconds();
  const child = Bun.spawn([call.executable], {
    env: environment(call),
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exitCode, output, errors] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  const wallMs = (Bun.nanoseconds() - start) / 1e6;
  if (exitCode !== 0) throw failure(call, output + errors);
  return { wallMs, cpuMs: cpuMs(child.resourceUsage()), result: parse(output) };
}

/**
 * The process's largest resident set in MiB, with its children's. Measured by GNU time, because
 * Linux counts what the parent held before exec, and this process holds more than most plugins.
 */
export function peakMemoryMiB(call: PluginCall): { mib: number; result: unknown } {
  const done = Bun.spawnSync(["/usr/bin/time", "--quiet", "-f", "%M", call.executable], {
    env: environment(call),
    stdin: Buffer.from(JSON.stringify(call.config)),
  });
  const output = done.stdout.toString();
  const errors = done.stderr.toString();
  if (done.exitCode !== 0) throw failure(call, output + errors);
  return { mib: Number(errors.trim().split("\n").at(-1)) / 1024, result: parse(output) };
}

const cpuMs = (usage: { cpuTime: { total: number | bigint } } | undefined) =>
  Number(usage?.cpuTime.total ?? 0) / 1000;

const parse = (output: string): unknown => (output.trim() === "" ? undefined : JSON.parse(output));

const failure = (call: PluginCall, output: string) =>
  new Error(`${call.command} by "${call.executable}" failed: ${output.trim()}`);
