/** Named namespaces to run a command in. */
import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../kernel/netns/netns.ts";

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
 * thread is that starts it, so no second program has to enter the namespace for it.
 * Throws ENOENT when there is no such program.
 */
export function spawnInside(netns: string, command: readonly string[]): Bun.Subprocess {
  return inNetns(netns, () =>
    Bun.spawn([...command], { stdin: "inherit", stdout: "inherit", stderr: "inherit" }),
  );
}
