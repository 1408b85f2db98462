/** Values below /proc/sys, of the host or of another network namespace. */
import { openFilesIn } from "../netns/netns.ts";
import { closeSync, readFileSync, writeSync } from "../sys/files.ts";
import { SysError } from "../sys/libc.ts";

const openForReading = 0;
const openForWriting = 1;

/** A sysctl that could not be read or set. `code` is the errno's name, or `EPATH`. */
export class SysctlError extends Error {
  override readonly name = "SysctlError";
  /** Below /proc/sys, as asked. */
  readonly path: string;
  readonly code: string;

  constructor(action: string, path: string, cause: Error & { code?: string }) {
    const code = cause.code ?? "EIO";
    super(`Cannot ${action}: ${explain(code) ?? cause.message}`, { cause });
    this.path = path;
    this.code = code;
  }
}

function explain(code: string): string | undefined {
  if (code === "ENOENT") return "this kernel has no such setting here";
  if (code === "EROFS") return "/proc/sys is mounted read-only (EROFS)";
  if (code === "EINVAL") return "the kernel refuses the value (EINVAL)";
  return undefined;
}

/** A value to set: text without a newline. */
export interface SysctlValue {
  /** Below /proc/sys: `net/ipv4/conf/eth0.100/forwarding`. Names of links may hold dots. */
  readonly path: string;
  readonly value: string;
}

/** The value's text without its newline; undefined if this kernel has no such setting here. */
export function readSysctl(netns: string, path: string): string | undefined {
  return readSysctls(netns, [path])[0];
}

/** Several values, in the order asked; the namespace is entered once. Throws SysctlError. */
export function readSysctls(netns: string, paths: readonly string[]): (string | undefined)[] {
  const files = openAll(netns, paths, openForReading);
  try {
    return files.map((file, index) => {
      const path = paths[index]!;
      if (file instanceof SysError) {
        if (file.code === "ENOENT") return undefined;
        throw new SysctlError(`read sysctl "${path}"`, path, file);
      }
      try {
        return withoutNewline(readFileSync(file));
      } catch (error) {
        throw new SysctlError(`read sysctl "${path}"`, path, error as Error);
      }
    });
  } finally {
    closeAll(files);
  }
}

/** Sets one value. Throws SysctlError. */
export function writeSysctl(netns: string, path: string, value: string): void {
  writeSysctls(netns, [{ path, value }]);
}

/** Sets several values in order; the namespace is entered once. Stops at the first SysctlError. */
export function writeSysctls(netns: string, values: readonly SysctlValue[]): void {
  const paths = values.map(({ path }) => path);
  const files = openAll(netns, paths, openForWriting);
  try {
    for (let index = 0; index < values.length; index++) {
      const { path, value } = values[index]!;
      const file = files[index]!;
      const action = `set sysctl "${path}" to "${value}"`;
      if (file instanceof SysError) throw new SysctlError(action, path, file);
      try {
        writeSync(file, value);
      } catch (error) {
        throw new SysctlError(action, path, error as Error);
      }
    }
  } finally {
    closeAll(files);
  }
}

/** Descriptors, or why there is none. An open file belongs to the namespace it was opened in. */
function openAll(netns: string, paths: readonly string[], flags: number): (number | SysError)[] {
  const files = paths.map((path) => `/proc/sys/${checkedPath(path)}`);
  return openFilesIn(netns, files, flags);
}

function closeAll(files: readonly (number | SysError)[]): void {
  for (const file of files) if (typeof file === "number") closeSync(file);
}

function withoutNewline(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** A path that cannot leave /proc/sys. */
function checkedPath(path: string): string {
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === ".." || part.includes("\0")) {
      const reason = `"${path}" is no path below /proc/sys such as "net/ipv4/ip_forward"`;
      throw new SysctlError(
        "use sysctl",
        path,
        Object.assign(new Error(reason), { code: "EPATH" }),
      );
    }
  }
  return path;
}
