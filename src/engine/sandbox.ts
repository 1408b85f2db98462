/** Named namespaces to run a command in. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../kernel/netns/netns.ts";
import { adoptOrphans } from "../kernel/sys/libc.ts";

/** The path of the namespace of that name, as `ip netns` has it. */
export function netnsPath(name: string): string {
  return `${namedNetnsDir}/${name}`;
}

/** Makes a namespace and gives its path. Throws SysError, or EEXIST of the file system. */
export function makeNamespace(name: string): string {
  const path = netnsPath(name);
  createNetns(path);
  return path;
}

/** Takes the name away; the namespace goes with its last process. */
export function dropNamespace(path: string): void {
  removeNetns(path);
}

/**
 * Starts a program inside the namespace, with our standard streams. A child begins where the
 * thread is that starts it, so no second program has to enter the namespace for it. What it leaves
 * behind becomes a child of ours. Throws ENOENT when there is no such program.
 */
export function spawnInside(netns: string, command: readonly string[]): Bun.Subprocess {
  adoptOrphans();
  return inNetns(netns, () =>
    Bun.spawn([...command], { stdin: "inherit", stdout: "inherit", stderr: "inherit" }),
  );
}

const patienceMs = 1000;
const pauseMs = 10;

/**
 * Ends every process inside the namespace that we started, or that such a one started: SIGTERM, and
 * SIGKILL for those that are still there after a second. Others may be in it for a moment: an agent
 * looks after its containers from inside.
 */
export async function endProcesses(netns: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  signalAll(processesIn(netns), "SIGTERM");
  for (;;) {
    const left = processesIn(netns);
    if (left.length === 0) return;
    if (performance.now() > deadline) return signalAll(left, "SIGKILL");
    await Bun.sleep(pauseMs);
  }
}

function processesIn(netns: string): number[] {
  const { dev, ino } = statSync(netns);
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(pids.map((pid) => [Number(pid), parentOf(pid)]));
  return pids
    .filter((pid) => {
      const own = namespaceOf(pid);
      return own?.ino === ino && own.dev === dev;
    })
    .map(Number)
    .filter((pid) => comesFrom(pid, process.pid, parents));
}

/** Whether the process is a child of the other, or a child of such a child. */
function comesFrom(pid: number, ancestor: number, parents: ReadonlyMap<number, number>): boolean {
  const parent = parents.get(pid) ?? 0;
  return parent === ancestor || (parent > 1 && comesFrom(parent, ancestor, parents));
}

/** 0 for a process that has ended meanwhile. Source: proc(5), field 4 of stat. */
function parentOf(pid: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** Undefined for a process that has ended meanwhile, or that we may not look at. */
function namespaceOf(pid: string) {
  try {
    return statSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}
