/**
 * System calls that a thread of the C library works on (aio(7)), while ours goes on. Its threads
 * are far lighter than Bun's, and so is waiting for them than a turn of the event loop.
 */
import { dlopen, ptr } from "bun:ffi";
import type { Begun } from "../../lib/begun.ts";
import { FileError, lastErrno } from "./files.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  aio_error: { args: ["ptr"], returns: "i32" },
  aio_fsync: { args: ["i32", "ptr"], returns: "i32" },
  aio_return: { args: ["ptr"], returns: "i32" },
  aio_suspend: { args: ["ptr", "i32", "ptr"], returns: "i32" },
  aio_write: { args: ["ptr"], returns: "i32" },
});

/** Offsets in `struct aiocb` of machines with 64 bits, in words of 32. Source: glibc's aio.h. */
const word = { fd: 0, buffer: 4, count: 6, notify: 11, size: 42 } as const;
const list = 44; // behind it, the list of one that aio_suspend wants
const dataAt = 256;
const notifyNone = 1;
const dataAndMetadata = 0o4010000; // O_SYNC
const einprogress = 115;

/** The thread writes into them: they must not go before it is done. */
const underWay = new Set<Background>();

/** A call on its way. */
export class Background implements Begun {
  readonly #name: string;
  readonly #block: Uint32Array;
  #error: number | undefined;

  /** `data` is copied. */
  private constructor(name: string, fd: number, data: Uint8Array) {
    // So long that the engine keeps it outside its own heap, where nothing moves it.
    const bytes = new Uint8Array(Math.max(4096, dataAt + data.length));
    bytes.set(data, dataAt);
    this.#name = name;
    this.#block = new Uint32Array(bytes.buffer);
    this.#block[word.fd] = fd;
    this.#point(word.buffer, dataAt);
    this.#block[word.count] = data.length;
    this.#block[word.notify] = notifyNone;
    this.#point(list, 0);
  }

  /** Begins to write an open file to the disk. */
  static fsync(fd: number): Background {
    const begun = new Background("fsync", fd, new Uint8Array(0));
    begun.#begin((block) => libc.aio_fsync(dataAndMetadata, block));
    return begun;
  }

  /** Begins to write to a file or socket. */
  static write(fd: number, data: Uint8Array): Background {
    const begun = new Background("write", fd, data);
    begun.#begin((block) => libc.aio_write(block));
    return begun;
  }

  /** Whether `finish` would not wait. */
  get isDone(): boolean {
    return this.#error !== undefined || libc.aio_error(ptr(this.#block)) !== einprogress;
  }

  /** Waits until it is done. Throws FileError. */
  finish(): void {
    if (this.#error === undefined) {
      const block = ptr(this.#block);
      while (libc.aio_error(block) === einprogress) libc.aio_suspend(block + 4 * list, 1, null);
      this.#error = libc.aio_error(block);
      libc.aio_return(block);
      underWay.delete(this);
    }
    if (this.#error !== 0) throw new FileError(this.#name, this.#error);
  }

  #begin(start: (block: ReturnType<typeof ptr>) => number): void {
    underWay.add(this);
    if (start(ptr(this.#block)) < 0) {
      // No thread to be had: EAGAIN.
      underWay.delete(this);
      this.#error = lastErrno();
    }
  }

  /** Writes the address of byte `offset` of the block into its words from `at` on. */
  #point(at: number, offset: number): void {
    const address = ptr(this.#block) + offset;
    this.#block[at] = address;
    this.#block[at + 1] = Math.floor(address / 2 ** 32);
  }
}
