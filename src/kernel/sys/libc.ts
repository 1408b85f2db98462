/** The only door to C: system calls that neither Bun nor Node.js offer. */
import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { errnoName } from "./errno.ts";

// The ssize_t results fit 31 bits: every buffer here is far smaller.
const library = "libc.so.6";
const { symbols: libc } = dlopen(library, {
  __errno_location: { args: [], returns: "ptr" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
});

// Each symbol costs a plugin process 7 µs at its start: those that it never calls wait.
const openRest = () =>
  dlopen(library, {
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    unshare: { args: ["i32"], returns: "i32" },
    mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
    umount2: { args: ["ptr", "i32"], returns: "i32" },
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  }).symbols;
let opened: ReturnType<typeof openRest> | undefined;
function rest(): ReturnType<typeof openRest> {
  opened ??= openRest();
  return opened;
}

/** A failed system call. `code` is the errno's name, as in Node.js: `ENOENT`. */
export class SysError extends Error {
  override readonly name = "SysError";
  readonly call: string;
  readonly errno: number;
  readonly code: string;

  constructor(call: string, errno: number) {
    super(`${call}: ${errnoName(errno)}`);
    this.call = call;
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

const errnoAt = libc.__errno_location() as Pointer;

function check(call: string, result: number): number {
  if (result < 0) throw new SysError(call, read.i32(errnoAt, 0));
  return result;
}

const eintr = 4;

/** A call that waits: a signal may end it early, and then it is made again. */
function checkRetried(call: string, work: () => number): number {
  for (;;) {
    const result = work();
    if (result >= 0 || read.i32(errnoAt, 0) !== eintr) return check(call, result);
  }
}

// A NUL inside would cut the path short and name another file.
function cString(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\0`);
  if (bytes.indexOf(0) !== bytes.length - 1) throw new RangeError(`"${text}" holds a NUL`);
  return bytes;
}

/** A new socket's descriptor, close-on-exec. */
export function socket(family: number, type: number, protocol: number): number {
  const closeOnExec = 0o2000000;
  return check("socket", libc.socket(family, type | closeOnExec, protocol));
}

export function bind(fd: number, address: Uint8Array): void {
  check("bind", rest().bind(fd, ptr(address), address.length));
}

export function setsockopt(fd: number, level: number, option: number, value: Uint8Array): void {
  check("setsockopt", libc.setsockopt(fd, level, option, ptr(value), value.length));
}

/** The option's value, `size` bytes at most. */
export function getsockopt(fd: number, level: number, option: number, size: number): Uint8Array {
  const value = new Uint8Array(size);
  const length = new Uint32Array([size]);
  check("getsockopt", rest().getsockopt(fd, level, option, ptr(value), ptr(length)));
  return value.subarray(0, length[0]);
}

/** Sends one datagram whole. */
export function send(fd: number, bytes: Uint8Array): void {
  check("send", libc.send(fd, ptr(bytes), bytes.length, 0));
}

/** Sends one datagram to a `struct sockaddr`. */
export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): void {
  check("sendto", libc.sendto(fd, ptr(bytes), bytes.length, 0, ptr(address), address.length));
}

/** Receives one datagram into `buffer`; MSG_TRUNC makes the result the datagram's full length. */
export function recv(fd: number, buffer: Uint8Array, flags = 0): number {
  return checkRetried("recv", () => libc.recv(fd, ptr(buffer), buffer.length, flags));
}

const cloneNewNet = 0x40000000;

/** Moves the calling thread into the network namespace that `fd` names. */
export function setNetns(fd: number): void {
  check("setns", libc.setns(fd, cloneNewNet));
}

/** Moves the calling thread into a new network namespace. */
export function unshareNetns(): void {
  check("unshare", rest().unshare(cloneNewNet));
}

const flockOps = { shared: 1, exclusive: 2, unlock: 8, tryExclusive: 2 | 4 } as const;

/** Locks an open file for as long as it stays open. Waits, except `tryExclusive` (EWOULDBLOCK). */
export function flock(fd: number, operation: keyof typeof flockOps): void {
  checkRetried("flock", () => libc.flock(fd, flockOps[operation]));
}

/** Makes `source` visible at `target` too; both exist. */
export function bindMount(source: string, target: string): void {
  const msBind = 4096;
  check("mount", rest().mount(cString(source), cString(target), null, msBind, null));
}

/** Detaches what is mounted at `target`, now, whoever still uses it. */
export function unmount(target: string): void {
  const mntDetach = 2;
  check("umount2", rest().umount2(cString(target), mntDetach));
}

/** A nameless file in memory: its descriptor, close-on-exec. Others open it by /proc/self/fd. */
export function memoryFile(label: string): number {
  const closeOnExec = 1;
  return check("memfd_create", rest().memfd_create(cString(label), closeOnExec));
}
