/** Network namespaces: open, make, remove, and do a synchronous piece of work inside one. */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { hostNetns } from "../../model/kernel-object.ts";
import { bindMount, setNetns, unmount, unshareNetns } from "../sys/libc.ts";

/** Where `ip netns` keeps names. */
export const namedNetnsDir = "/var/run/netns";

const ownPath = "/proc/thread-self/ns/net";

/** A result that is not a promise: a piece of work inside a namespace must not wait. */
type Sync<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Runs `work` inside the namespace at `path` and comes back. `hostNetns` runs it where we are.
 * Failing to come back ends the process: nothing it would do afterwards could be right.
 */
export function inNetns<T>(path: string, work: () => Sync<T>): T {
  if (path === hostNetns) return work();
  const target = openSync(path, "r");
  try {
    return inNetnsFd(target, work);
  } finally {
    closeSync(target);
  }
}

/** The same for an open descriptor of a namespace. */
export function inNetnsFd<T>(fd: number, work: () => Sync<T>): T {
  const home = openSync(ownPath, "r");
  try {
    setNetns(fd);
    try {
      return work();
    } finally {
      comeBack(home);
    }
  } finally {
    closeSync(home);
  }
}

function comeBack(home: number): void {
  try {
    setNetns(home);
  } catch (error) {
    console.error(`netloom: cannot leave a network namespace: ${error}`);
    process.abort();
  }
}

/** Makes a namespace and binds it to `path`, whose directory is made too. Throws SysError. */
export function createNetns(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "", { flag: "wx", mode: 0o444 });
  const home = openSync(ownPath, "r");
  try {
    unshareNetns();
    try {
      bindMount(ownPath, path);
    } finally {
      comeBack(home);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(home);
  }
}

/** Unbinds and removes `path`. The namespace itself goes with its last user. */
export function removeNetns(path: string): void {
  unmount(path);
  rmSync(path, { force: true });
}
