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
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "ptr"], returns: "i32" },
});

// Each symbol costs a plugin process 7 µs at its start: those that it never calls wait.
const openRest = () =>
  dlopen(library, {
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    shutdown: { args: ["i32", "i32"], returns: "i32" },
    unshare: { args: ["i32"], returns: "i32" },
    mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
    umount2: { args: ["ptr", "i32"], returns: "i32" },
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
    prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
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

const closeOnExec = 0o2000000;
const msBind = 4096;

/** A new socket's descriptor, close-on-exec. */
export function socket(family: number, type: number, protocol: number): number {
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

/** The `struct sockaddr` of a socket's own end, 28 bytes at most. */
export function socketName(fd: number): Uint8Array {
  const name = new Uint8Array(28);
  const length = new Uint32Array([name.length]);
  check("getsockname", rest().getsockname(fd, ptr(name), ptr(length)));
  return name.subarray(0, Math.min(length[0]!, name.length));
}

/** Ends a connection both ways, whoever holds the socket: whoever waits for it is told. */
export function shutdown(fd: number): void {
  const both = 2;
  check("shutdown", rest().shutdown(fd, both));
}

/** Sends one datagram whole. */
export function send(fd: number, bytes: Uint8Array): void {
  check("send", libc.send(fd, ptr(bytes), bytes.length, 0));
}

/** Sends one datagram to a `struct sockaddr`. */
export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): void {
  check("sendto", libc.sendto(fd, ptr(bytes), bytes.length, 0, ptr(address), address.length));
}

/**
 * Receives one datagram into `buffer`, from byte `at` on; MSG_TRUNC makes the result the datagram's
 * full length.
 */
export function recv(fd: number, buffer: Uint8Array, flags = 0, at = 0): number {
  const room = buffer.length - at;
  return checkRetried("recv", () => libc.recv(fd, ptr(buffer, at), room, flags));
}

const cloneNewNet = 0x40000000;

/** Moves the calling thread into the network namespace that `fd` names. */
export function setNetns(fd: number): void {
  check("setns", libc.setns(fd, cloneNewNet));
}

// A thread that the engine starts while its caller is in another namespace stays there for good,
// and keeps that namespace alive. Compiling and collecting garbage start threads, so the
// functions below run nothing but system calls while they are away.

/** Descriptors of the namespace to go to, and of the one to come back to. */
export interface NetnsTrip {
  readonly netns: number;
  readonly home: number;
}

function cameBack(result: number): void {
  if (result < 0) abort("come back to its network namespace");
}

/** A new socket of another namespace. */
export function socketIn(
  { netns, home }: NetnsTrip,
  { family, type, protocol }: { family: number; type: number; protocol: number },
): number {
  const kind = type | closeOnExec;
  check("setns", libc.setns(netns, cloneNewNet));
  const fd = libc.socket(family, kind, protocol);
  const errno = read.i32(errnoAt, 0);
  const back = libc.setns(home, cloneNewNet);
  cameBack(back);
  if (fd < 0) throw new SysError("socket", errno);
  return fd;
}

/** Opens a file as it is seen in another namespace: what is below /proc/sys/net differs. */
export function openIn({ netns, home }: NetnsTrip, path: string, flags: number): number {
  const bytes = cString(path);
  const at = ptr(bytes);
  const oCloexec = 0o2000000;
  check("setns", libc.setns(netns, cloneNewNet));
  const fd = libc.open(at, flags | oCloexec, 0);
  const errno = read.i32(errnoAt, 0);
  const back = libc.setns(home, cloneNewNet);
  cameBack(back);
  if (fd < 0) throw new SysError("open", errno);
  return fd;
}

/** Makes a network namespace and binds it to the file `path`; the thread comes back to `home`. */
export function bindNewNetns(path: string, home: number): void {
  const { mount, unshare } = rest();
  const target = cString(path);
  const source = cString("/proc/thread-self/ns/net");
  const [targetAt, sourceAt] = [ptr(target), ptr(source)];
  check("unshare", unshare(cloneNewNet));
  const mounted = mount(sourceAt, targetAt, null, msBind, null);
  const errno = read.i32(errnoAt, 0);
  const back = libc.setns(home, cloneNewNet);
  cameBack(back);
  if (mounted < 0) throw new SysError("mount", errno);
}

/** Nothing that the process would do afterwards could be right. */
export function abort(what: string): never {
  console.error(`netloom: cannot ${what}: giving up`);
  process.abort();
}

const flockOps = { shared: 1, exclusive: 2, unlock: 8, tryExclusive: 2 | 4 } as const;

/** Locks an open file for as long as it stays open. Waits, except `tryExclusive` (EWOULDBLOCK). */
export function flock(fd: number, operation: keyof typeof flockOps): void {
  checkRetried("flock", () => libc.flock(fd, flockOps[operation]));
}

/**
 * Locks `length` bytes of an open file from `start` on, all to its end if 0, exclusively and for as
 * long as this opening of it lasts. Never waits: EAGAIN. Source: fcntl(2), open file description
 * locks; struct flock has its 64-bit members at 8 and 16 wherever pointers have 64 bits.
 */
export function lockRange(fd: number, range: { start: number; length: number }): void {
  const setOpenFileLock = 37;
  const writeLock = 1;
  const highOf = (value: number) => Math.floor(value / 2 ** 32);
  const { start, length } = range;
  const request = new Uint32Array([
    writeLock,
    0,
    start,
    highOf(start),
    length,
    highOf(length),
    0,
    0,
  ]);
  check("fcntl", libc.fcntl(fd, setOpenFileLock, ptr(request)));
}

/** Detaches what is mounted at `target`, now, whoever still uses it. */
export function unmount(target: string): void {
  const mntDetach = 2;
  check("umount2", rest().umount2(cString(target), mntDetach));
}

/** A nameless file in memory: its descriptor, close-on-exec. Others open it by /proc/self/fd. */
export function memoryFile(label: string): number {
  const mfdCloexec = 1;
  return check("memfd_create", rest().memfd_create(cString(label), mfdCloexec));
}

/** A pipe's ends, close-on-exec. */
export function pipe(): { readonly reader: number; readonly writer: number } {
  const ends = new Int32Array(2);
  check("pipe2", rest().pipe2(ptr(ends), closeOnExec));
  return { reader: ends[0]!, writer: ends[1]! };
}

/** Whoever has the open file, signals of its events go to this process group. */
export function ownEvents(fd: number, group: number): void {
  const setOwnerEx = 15;
  const processGroup = 2;
  check("fcntl", libc.fcntl(fd, setOwnerEx, ptr(new Int32Array([processGroup, group]))));
}

/** From now on what our children leave behind has us for its parent. Source: prctl(2), 36. */
export function adoptOrphans(): void {
  check("prctl", rest().prctl(36, 1, 0, 0, 0));
}

/** Which signal an event of the open file sends its owner. Its other status flags are cleared. */
export function signalEvents(fd: number, signal: "SIGKILL" | "none"): void {
  const [setFlags, setSignal] = [4, 10];
  const async = 0o20000;
  const isOn = signal === "SIGKILL";
  if (isOn) check("fcntl", libc.fcntl(fd, setSignal, 9 as Pointer));
  check("fcntl", libc.fcntl(fd, setFlags, (isOn ? async : 0) as Pointer));
}

/** A device's own call. The argument is memory that it reads and writes, or a number. */
export function ioctl(fd: number, operation: number, argument: Uint8Array | number): void {
  const value = typeof argument === "number" ? argument : ptr(argument);
  check("ioctl", rest().ioctl(fd, operation, value as Pointer));
}
