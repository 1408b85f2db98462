/** Finds a plugin in the folders of CNI_PATH and runs it. */
import { statSync, writeSync } from "../kernel/sys/files.ts";
import { quoted } from "../model/parse.ts";
import { CniError, cniCodes } from "./errors.ts";
import type { Verb } from "./types.ts";

/** What a plugin is told in its environment. Absent fields are not set. */
export interface PluginEnv {
  readonly verb: Verb;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifName?: string;
  /** As CNI_ARGS: `KEY=value;KEY=value`. */
  readonly args?: string;
  readonly path: readonly string[];
}

/** One run of a plugin. */
export interface PluginRun {
  /** The plugin's name, for messages. */
  readonly type: string;
  /** Its executable. */
  readonly file: string;
  /** The name to call it by, where that is not the file's. */
  readonly argv0?: string;
  /**
   * In a process group of its own: out of reach of Ctrl-C at our terminal, which would end it in
   * the middle of its work, and killed by the kernel when we are killed.
   */
  readonly detached?: boolean;
  readonly env: PluginEnv;
  readonly stdin: string;
}

/**
 * The executable of a plugin: the first regular file of that name. Undefined when no folder has
 * it. Throws CniError 7 for a type that leads out of the folders (CVE-2021-20206).
 */
export function findPlugin(type: string, path: readonly string[]): string | undefined {
  if (type === "" || type === "." || type === ".." || /[/\\\0]/.test(type)) {
    throw new CniError(
      cniCodes.config,
      `Cannot use plugin type ${quoted(type)}: it must be a file's name without "/" or "\\"`,
    );
  }
  for (const folder of path) {
    const file = `${folder}/${type}`;
    if (isFile(file)) return file;
  }
  return undefined;
}

/** CNI_PATH may name what is no folder, or one that nobody may look into. */
function isFile(file: string): boolean {
  try {
    return statSync(file)?.type === "file";
  } catch {
    return false;
  }
}

/** As findPlugin, but throws CniError 7 when no folder has it. */
export function requirePlugin(type: string, path: readonly string[]): string {
  const file = findPlugin(type, path);
  if (file !== undefined) return file;
  const where = path.length > 0 ? `in ${path.join(", ")}` : "because CNI_PATH is empty";
  throw new CniError(
    cniCodes.config,
    `Cannot find plugin "${type}" ${where}: install it, or correct the type`,
  );
}

/** The plugins that our own executable is, whether it is linked under their names or not. */
export const ownTypes: ReadonlySet<string> = new Set([
  ...["bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan"],
  ...["loopback", "macvlan", "netloom", "portmap", "ptp", "sbr", "static", "tap", "tuning"],
  ...["vlan", "vrf"],
]);

/**
 * How to run a type of ours that no folder has: our own executable by that name, so that a network
 * can be tried before anything is installed. Undefined when a folder has the type, and in a run
 * from source, where there is no executable.
 */
export function ownPlugin(
  type: string,
  path: readonly string[],
): Pick<PluginRun, "file" | "argv0"> | undefined {
  const compiled = Bun.main.startsWith("/$bunfs/");
  if (!compiled || !ownTypes.has(type) || findPlugin(type, path) !== undefined) return undefined;
  return { file: process.execPath, argv0: type };
}

/** Whether the file is the executable that we are, whatever link leads to it. */
export function isOwnExecutable(file: string): boolean {
  const own = statSync("/proc/self/exe");
  const other = statSync(file);
  return own?.identity === other?.identity;
}

/**
 * Runs a plugin and gives what it prints. Its standard error goes to ours.
 * Throws the plugin's own error as CniError with its code and details.
 */
export async function execPlugin(run: PluginRun): Promise<string> {
  using leash = run.detached ? new (await import("../kernel/sys/leash.ts")).Leash() : undefined;
  const child = await spawn(run, leash?.end);
  leash?.tie(child.pid);
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status !== 0) {
    throw failure(run, { stdout, stderr, status, signal: child.signalCode ?? undefined });
  }
  if (stderr !== "") writeSync(2, stderr);
  return stdout;
}

/** A file that is being written can't be run yet: an upgrade may be putting it there just now. */
async function spawn(run: PluginRun, leash: number | undefined) {
  for (let tries = 1; ; tries++) {
    try {
      return Bun.spawn([run.file], {
        argv0: run.argv0,
        detached: run.detached,
        env: childEnv(run.env),
        stdio: [Buffer.from(run.stdin), "pipe", "pipe", ...(leash === undefined ? [] : [leash])],
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ETXTBSY" || tries === 5) {
        throw new CniError(cniCodes.io, `Cannot run plugin "${run.file}": ${message}`);
      }
      await Bun.sleep(200);
    }
  }
}

/** Our own environment, so that TRACEPARENT, PATH and the like go on; CNI's variables anew. */
function childEnv(env: PluginEnv): Record<string, string | undefined> {
  return {
    ...process.env,
    CNI_COMMAND: env.verb,
    CNI_CONTAINERID: env.containerId ?? "",
    CNI_NETNS: env.netns ?? "",
    CNI_IFNAME: env.ifName ?? "",
    CNI_ARGS: env.args ?? "",
    CNI_PATH: env.path.join(":"),
  };
}

interface Ending {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly signal: string | number | undefined;
}

function failure({ type, env }: PluginRun, { stdout, stderr, status, signal }: Ending): CniError {
  const told = toldError(stdout);
  if (told) return new CniError(told.code, `Plugin "${type}": ${told.msg}`, told.details);
  const how = signal ? `was ended by ${signal}` : `ended with status ${status}`;
  const said = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== "");
  return new CniError(
    cniCodes.internal,
    `Plugin "${type}" ${how} on ${env.verb} and printed no CNI error`,
    said.join("; ").slice(0, 2000),
  );
}

function toldError(stdout: string): { code: number; msg: string; details: string } | undefined {
  try {
    const { code, msg, details } = JSON.parse(stdout);
    if (!Number.isInteger(code) || code < 1 || typeof msg !== "string") return undefined;
    return { code, msg, details: typeof details === "string" ? details : "" };
  } catch {
    return undefined;
  }
}
