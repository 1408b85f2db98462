/**
 * A connection to a Unix socket for a process that does nothing else meanwhile: a plugin that asks
 * one question does without Bun's event loop. Source: unix(7), poll(2).
 */
import { dlopen, ptr } from "bun:ffi";
import { closeSync, lastErrno } from "./files.ts";
import { SysError } from "./libc.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  send: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
});

const afUnix = 1;
/** SOCK_STREAM, not blocking, close-on-exec. */
const streamSocket = 1 | 0o4000 | 0o2000000;
const noSignal = 0x4000;
const events = { readable: 1, writable: 4 } as const;
const [eintr, eagain, enametoolong] = [4, 11, 36];
const longestPath = 107;

export class UnixStream implements Disposable {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65_536);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws SysError: ENOENT and ECONNREFUSED where nobody listens, EAGAIN where too many wait. */
  static connect(path: string): UnixStream {
    const bytes = new TextEncoder().encode(path);
    if (bytes.length > longestPath) throw new SysError("connect", enametoolong);
    const address = new Uint8Array(2 + bytes.length + 1);
    address[0] = afUnix;
    address.set(bytes, 2);
    const fd = libc.socket(afUnix, streamSocket, 0);
    if (fd < 0) throw new SysError("socket", lastErrno());
    if (libc.connect(fd, ptr(address), address.length) === 0) return new UnixStream(fd);
    const errno = lastErrno();
    closeSync(fd);
    throw new SysError("connect", errno);
  }

  /** Sends all, by then, as `performance.now()` tells. False: not in time. Throws SysError. */
  send(bytes: Uint8Array, endMs: number): boolean {
    for (let at = 0; at < bytes.length; ) {
      const sent = libc.send(this.#fd, ptr(bytes, at), bytes.length - at, noSignal);
      if (sent >= 0) at += sent;
      else if (!this.#mayGoOn("send", events.writable, endMs)) return false;
    }
    return true;
  }

  /**
   * What came, valid until the next call; empty once the other end has closed. Waits at most until
   * then. Undefined: nothing came in time. Throws SysError.
   */
  receive(endMs: number): Uint8Array | undefined {
    for (;;) {
      const count = libc.recv(this.#fd, ptr(this.#buffer), this.#buffer.length, 0);
      if (count >= 0) return this.#buffer.subarray(0, count);
      if (!this.#mayGoOn("recv", events.readable, endMs)) return undefined;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** After a call that failed: whether to make it again. */
  #mayGoOn(call: string, wanted: number, endMs: number): boolean {
    const errno = lastErrno();
    if (errno === eintr) return true;
    if (errno !== eagain) throw new SysError(call, errno);
    const leftMs = Math.ceil(endMs - performance.now());
    if (leftMs <= 0) return false;
    const poll = new Uint32Array([this.#fd, wanted]);
    if (libc.poll(ptr(poll), 1, leftMs) >= 0) return true;
    const failed = lastErrno();
    if (failed === eintr) return true;
    throw new SysError("poll", failed);
  }
}
