/** Network namespaces: open, make, remove, and do a synchronous piece of work inside one. */
import { parentOf } from "../../lib/path.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { closeSync, fstatSync, mkdirSync, openSync, removeSync } from "../sys/files.ts";
import {
  abort,
  bindNewNetns,
  type NetnsTrip,
  openIn,
  socket as openSocket,
  SysError,
  setNetns,
  socketIn,
  unmount,
} from "../sys/libc.ts";

/** Where `ip netns` keeps names. */
export const namedNetnsDir = "/var/run/netns";

const ownPath = "/proc/thread-self/ns/net";

/** A namespace that cannot be used. `code` is the errno's name. */
export class NetnsError extends Error {
  override readonly name = "NetnsError";
  readonly path: string;
  readonly code: string;

  constructor(action: string, path: string, cause: unknown) {
    const code = (cause as { code?: string }).code ?? "EIO";
    super(`Cannot ${action} network namespace "${path}": ${explain(code)}`, { cause });
    this.path = path;
    this.code = code;
  }
}

function explain(code: string): string {
  if (code === "ENOENT") return "it does not exist";
  if (code === "EEXIST") return "it exists already";
  if (code === "EINVAL") return "it is no network namespace";
  if (code === "EPERM") return "permission denied, run as root (EPERM)";
  return code;
}

/** A result that is not a promise: a piece of work inside a namespace must not wait. */
type Sync<T> = T extends PromiseLike<unknown> ? never : T;

/** The namespace that the process is in, kept open; replaced while `inNetnsFd` is away. */
let here: number | undefined;

function current(): number {
  here ??= openSync(ownPath, "r");
  return here;
}

/**
 * Runs `work` inside the namespace at `path` and comes back. `hostNetns` runs it where we are.
 * Failing to come back ends the process: nothing it would do afterwards could be right. Keep the
 * work short, and prefer `openSocketIn`: a thread that the engine starts meanwhile stays inside.
 * Throws NetnsError.
 */
export function inNetns<T>(path: string, work: () => Sync<T>): T {
  if (path === hostNetns) return work();
  const fd = openNetns(path);
  try {
    return inNetnsFd(fd, work, path);
  } finally {
    closeSync(fd);
  }
}

/** The same for an open descriptor of a namespace. */
export function inNetnsFd<T>(fd: number, work: () => Sync<T>, label = `of descriptor ${fd}`): T {
  const home = current();
  try {
    setNetns(fd);
  } catch (error) {
    throw new NetnsError("enter", label, error);
  }
  here = fd;
  try {
    return work();
  } finally {
    try {
      setNetns(home);
    } catch {
      abort("come back to its network namespace");
    }
    here = home;
  }
}

/** A socket that belongs to the namespace at `path` for life. Throws NetnsError, SysError. */
export function openSocketIn(
  path: string,
  socket: { readonly family: number; readonly type: number; readonly protocol: number },
): number {
  if (path === hostNetns) return openSocket(socket.family, socket.type, socket.protocol);
  return onTrip(path, (trip) => socketIn(trip, socket));
}

/**
 * Opens files as they are seen in the namespace at `path`; they stay bound to it. Each gives a
 * descriptor or its own error. Throws NetnsError.
 */
export function openFilesIn(
  path: string,
  files: readonly string[],
  flags: number,
): (number | SysError)[] {
  return onTrip(path, (trip) => files.map((file) => openFile(trip, file, flags)));
}

function openFile(trip: NetnsTrip, file: string, flags: number): number | SysError {
  try {
    return openIn(trip, file, flags);
  } catch (error) {
    if (error instanceof SysError && error.call === "open") return error;
    throw error;
  }
}

/** Opens the namespace at `path` for as long as `work` makes trips there. */
function onTrip<T>(path: string, work: (trip: NetnsTrip) => T): T {
  const home = current();
  if (path === hostNetns) return work({ netns: home, home });
  const netns = openNetns(path);
  try {
    return work({ netns, home });
  } catch (error) {
    if (error instanceof SysError && error.call === "setns") {
      throw new NetnsError("enter", path, error);
    }
    throw error;
  } finally {
    closeSync(netns);
  }
}

/** A descriptor of the namespace at `path`, to be closed by the caller. Throws NetnsError. */
export function openNetns(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new NetnsError("open", path, error);
  }
}

/** Whether the namespace at `path` is the one that we are in. Throws NetnsError. */
export function isOwnNetns(path: string): boolean {
  if (path === hostNetns) return true;
  const other = openNetns(path);
  try {
    return fstatSync(current()).identity === fstatSync(other).identity;
  } finally {
    closeSync(other);
  }
}

/** Makes a namespace and binds it to `path`, whose directory is made too. Throws NetnsError. */
export function createNetns(path: string): void {
  try {
    mkdirSync(parentOf(path), 0o777);
    closeSync(openSync(path, "wx", 0o444));
  } catch (error) {
    throw new NetnsError("create", path, error);
  }
  try {
    bindNewNetns(path, current());
  } catch (error) {
    removeSync(path);
    throw new NetnsError("create", path, error);
  }
}

/**
 * Unbinds and removes `path`; one that is not there is removed. The namespace itself goes with its
 * last user. Throws NetnsError.
 */
export function removeNetns(path: string): void {
  try {
    unmount(path);
  } catch (error) {
    const { code } = error as SysError;
    // EINVAL: nothing is mounted there.
    if (code !== "EINVAL" && code !== "ENOENT") throw new NetnsError("remove", path, error);
  }
  removeSync(path);
}
