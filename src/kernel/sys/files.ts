/**
 * Files by plain system calls, under the names that node:fs has for them. A plugin lives for some
 * ten milliseconds, and loading node:fs takes one of them: what is called rarely loads it then.
 */
import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { errnoName, meaningOf } from "./errno.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: "ptr" },
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  pread: { args: ["i32", "ptr", "u64", "i64"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  pwrite: { args: ["i32", "ptr", "u64", "i64"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
  statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
  futimens: { args: ["i32", "ptr"], returns: "i32" },
  link: { args: ["ptr", "ptr"], returns: "i32" },
  ftruncate: { args: ["i32", "i64"], returns: "i32" },
  rename: { args: ["ptr", "ptr"], returns: "i32" },
  unlink: { args: ["ptr"], returns: "i32" },
});

const rarely = () => process.getBuiltinModule("node:fs");

/** System calls whose names say nothing to people. */
const actions: Readonly<Record<string, string>> = {
  mkdir: "make folder",
  scandir: "read folder",
  statx: "look at",
  ftruncate: "cut",
  unlink: "remove",
  rename: "replace",
};

/** A failed system call on a file, as node:fs would throw it. `code` is the errno's name. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(syscall: string, errno: number, path?: string) {
    const code = errnoName(errno);
    const action = actions[syscall] ?? syscall;
    const what = path === undefined ? action : `${action} "${path}"`;
    super(`Cannot ${what}: ${meaningOf(code)}`);
    this.errno = -errno;
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}

const errnoAt = libc.__errno_location() as Pointer;

/** Why this thread's last call failed. */
export function lastErrno(): number {
  return read.i32(errnoAt, 0);
}

const eintr = 4;
const enoent = 2;

/** A signal may end a call early: then it is made again. */
function call(name: string, work: () => number, path?: string): number {
  for (;;) {
    const result = work();
    if (result >= 0) return result;
    const errno = lastErrno();
    if (errno !== eintr) throw new FileError(name, errno, path);
  }
}

const encoder = new TextEncoder();

// A NUL inside would cut the path short and name another file.
function cString(path: string): Uint8Array {
  const bytes = encoder.encode(`${path}\0`);
  if (bytes.indexOf(0) !== bytes.length - 1) throw new RangeError(`"${path}" holds a NUL`);
  return bytes;
}

/** Source: uapi/asm-generic/fcntl.h. */
const open = { write: 1, readWrite: 2, create: 0o100, exclusive: 0o200, truncate: 0o1000 } as const;
const append = 0o2000;
const closeOnExec = 0o2000000;

const openFlags = {
  r: 0,
  "r+": open.readWrite,
  w: open.write | open.create | open.truncate,
  wx: open.write | open.create | open.exclusive,
  a: open.write | open.create | append,
  /** What it held stays behind what is written. */
  "w whole": open.write | open.create,
  /** For reading; made if absent. */
  "r or new": open.create,
  "r+ or new": open.readWrite | open.create,
} as const;

/** Opens a file, close-on-exec. Throws FileError. */
export function openSync(path: string, flags: keyof typeof openFlags, mode = 0o666): number {
  const at = cString(path);
  const bits = openFlags[flags] | closeOnExec;
  return call("open", () => libc.open(ptr(at), bits, mode), path);
}

/** Closes a descriptor. Never throws: there is nothing that a caller could do. */
export function closeSync(fd: number): void {
  libc.close(fd);
}

/** Reads once, at `position` or where the file stands, to the front of `buffer`. */
export function readSync(fd: number, buffer: Uint8Array, position?: number): number {
  const at = ptr(buffer);
  return call("read", () =>
    position === undefined
      ? libc.read(fd, at, buffer.length)
      : libc.pread(fd, at, buffer.length, position),
  );
}

/** Writes once, at `position` or where the file stands. Gives how many bytes were taken. */
export function writeSync(fd: number, data: string | Uint8Array, position?: number): number {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  if (bytes.length === 0) return 0;
  const at = ptr(bytes);
  return call("write", () =>
    position === undefined
      ? libc.write(fd, at, bytes.length)
      : libc.pwrite(fd, at, bytes.length, position),
  );
}

/** Writes all, in as many pieces as the system takes. */
export function writeAllSync(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(fd, bytes.subarray(sent));
}

/** What a file holds, as UTF-8. Throws FileError. */
export function readFileSync(file: string | number): string {
  if (typeof file === "number") return readText(file);
  const fd = openSync(file, "r");
  try {
    return readText(fd, file);
  } finally {
    closeSync(fd);
  }
}

function readText(fd: number, path?: string): string {
  let bytes = new Uint8Array(4096);
  let used = 0;
  for (;;) {
    const room = bytes.subarray(used);
    const at = ptr(room);
    const count = call("read", () => libc.read(fd, at, room.length), path);
    if (count === 0) return decode(bytes.subarray(0, used));
    used += count;
    if (used < bytes.length) continue;
    const larger = new Uint8Array(bytes.length * 4);
    larger.set(bytes);
    bytes = larger;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Makes or replaces a file. Throws FileError. */
export function writeFileSync(path: string, text: string, mode: number): void {
  const bytes = encoder.encode(text);
  // Cut to length afterwards: ext4 writes a file that was emptied to the disk when it is closed.
  const fd = openSync(path, "w whole", mode);
  try {
    writeAllSync(fd, bytes);
    truncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}

/** Cuts an open file to length. Throws FileError. */
export function truncateSync(fd: number, bytes: number): void {
  call("ftruncate", () => libc.ftruncate(fd, bytes));
}

/** What `statSync` tells. */
export interface FileStat {
  /** Device and inode number in one text, equal for one file alone. */
  readonly identity: string;
  /** The device's part of `identity`. */
  readonly device: string;
  readonly type: "file" | "folder" | "other";
  /** Its names; none are left of a file that was removed while it is open. */
  readonly names: number;
  /** When its content changed, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** The same to the nanosecond, as text. */
  readonly mtime: string;
}

const currentFolder = -100; // AT_FDCWD
const atFlag = { noFollow: 0x100, emptyPath: 0x1000 } as const;
const basicStats = 0x7ff;
/** Of `struct statx`, which is the same on all machines. Source: uapi/linux/stat.h. */
const statWords = 64;

/** A file's, undefined where there is none. Throws FileError. Follows links. */
export function statSync(path: string): FileStat | undefined {
  return statPath(path, 0);
}

/** As statSync, of a symbolic link itself. */
export function lstatSync(path: string): FileStat | undefined {
  return statPath(path, atFlag.noFollow);
}

/** Whether there is a file; one that cannot be looked at counts as none. */
export function existsSync(path: string): boolean {
  const at = cString(path);
  const found = new Uint32Array(statWords);
  return libc.statx(currentFolder, ptr(at), 0, basicStats, ptr(found)) >= 0;
}

/** An open file's. Throws FileError. */
export function fstatSync(fd: number): FileStat {
  const found = new Uint32Array(statWords);
  const at = cString("");
  call("statx", () => libc.statx(fd, ptr(at), atFlag.emptyPath, basicStats, ptr(found)));
  return readStat(found);
}

function statPath(path: string, flags: number): FileStat | undefined {
  const found = new Uint32Array(statWords);
  const at = cString(path);
  const stat = () => libc.statx(currentFolder, ptr(at), flags, basicStats, ptr(found));
  try {
    call("statx", stat, path);
  } catch (error) {
    if ((error as FileError).errno === -enoent) return undefined;
    throw error;
  }
  return readStat(found);
}

function readStat(words: Uint32Array): FileStat {
  const format = words[7]! & 0o170000;
  const device = `${words[34]}:${words[35]}`;
  const seconds = words[28]! + words[29]! * 2 ** 32;
  const nanoseconds = words[30]!;
  return {
    identity: `${device}:${words[9]}:${words[8]}`,
    device,
    type: format === 0o100000 ? "file" : format === 0o040000 ? "folder" : "other",
    names: words[4]!,
    mtimeMs: seconds * 1000 + nanoseconds / 1e6,
    mtime: `${seconds}.${String(nanoseconds).padStart(9, "0")}`,
  };
}

/** How many bytes an open file holds. Throws FileError. */
export function fsizeSync(fd: number): number {
  const found = new Uint32Array(statWords);
  const at = cString("");
  call("statx", () => libc.statx(fd, ptr(at), atFlag.emptyPath, basicStats, ptr(found)));
  return found[10]! + found[11]! * 2 ** 32;
}

/** Sets an open file's times of access and change, in seconds since 1970. */
export function futimesSync(fd: number, seconds: number): void {
  const whole = Math.floor(seconds);
  const nanoseconds = Math.floor((seconds - whole) * 1e9);
  const timespec = [whole, Math.floor(whole / 2 ** 32), nanoseconds, 0];
  const times = new Uint32Array([...timespec, ...timespec]);
  call("futimens", () => libc.futimens(fd, ptr(times)));
}

/** Gives a file a second name. Throws FileError. */
export function linkSync(from: string, to: string): void {
  const [source, target] = [cString(from), cString(to)];
  call("link", () => libc.link(ptr(source), ptr(target)), to);
}

/** Throws FileError. */
export function renameSync(from: string, to: string): void {
  const [source, target] = [cString(from), cString(to)];
  call("rename", () => libc.rename(ptr(source), ptr(target)), to);
}

/** Removes a file; false if there is none. Throws FileError. */
export function removeSync(path: string): boolean {
  const at = cString(path);
  try {
    call("unlink", () => libc.unlink(ptr(at)), path);
    return true;
  } catch (error) {
    if ((error as FileError).errno === -enoent) return false;
    throw error;
  }
}

/** Makes a folder and those above it. Gives the first that it made, if any. Throws FileError. */
export function mkdirSync(path: string, mode: number): string | undefined {
  return ofNode(path, (fs) => fs.mkdirSync(path, { recursive: true, mode }));
}

/** Names in a folder, and which of them are regular files. Throws FileError. */
export function readdirSync(path: string): { name: string; isFile(): boolean }[] {
  return ofNode(path, (fs) => fs.readdirSync(path, { withFileTypes: true }));
}

function ofNode<T>(path: string, work: (fs: ReturnType<typeof rarely>) => T): T {
  try {
    return work(rarely());
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) throw error;
    throw new FileError(syscall, -errno, path);
  }
}

/** Removes a folder and all that is in it. None is fine. */
export function removeFolder(path: string): void {
  rarely().rmSync(path, { recursive: true, force: true });
}
