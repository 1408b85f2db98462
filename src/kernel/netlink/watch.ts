/** A netlink socket that hears what the kernel tells groups of listeners. */
import { closeSync } from "node:fs";
import { DecodeError } from "../../lib/bytes.ts";
import { openSocketIn } from "../netns/netns.ts";
import { bind, setsockopt } from "../sys/libc.ts";
import { type Message, messages } from "./message.ts";
import { netlinkProtocol } from "./socket.ts";

const afNetlink = 16;
const sockRawNonBlocking = 3 | 0o4000;
const solSocket = 1;
const soReceiveBufferForce = 33;
const solNetlink = 270;
const addMembership = 1;

/** What to listen to. */
export interface WatchOptions {
  readonly protocol: keyof typeof netlinkProtocol;
  /** Numbers of the protocol's groups. */
  readonly groups: readonly number[];
  /** Path of a namespace, or `hostNetns`. */
  readonly netns: string;
  /** How much may wait for us before the kernel drops some. */
  readonly bufferBytes: number;
}

/**
 * Hears from its construction on. Iterate it once, and dispose of it. "lost": messages were
 * dropped, everything before is void, and every message after that will be told.
 */
export class Watch implements AsyncIterable<readonly Message[] | "lost">, Disposable {
  readonly #options: WatchOptions;
  #fd: number;
  #reader: ReturnType<typeof readerOf> | undefined;
  #closed = false;
  #lost = false;

  /** Throws SysError, NetnsError. */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#fd = open(options);
  }

  /** Ends the iteration. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader?.cancel().catch(() => {});
    closeSync(this.#fd);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What was just heard makes no sense: "lost" comes next. */
  lose(): void {
    this.#lost = true;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly Message[] | "lost"> {
    while (!this.#closed) {
      // The stream reads a duplicate of the descriptor, and closes only that.
      const reader = readerOf(this.#fd);
      this.#reader = reader;
      try {
        yield* this.#datagrams(reader);
      } catch (error) {
        if (this.#closed) return;
        if (!isLoss(error)) throw error;
      }
      if (this.#closed) return;
      this.#lost = false;
      this.#replace();
      yield "lost";
    }
  }

  async *#datagrams(reader: ReturnType<typeof readerOf>): AsyncGenerator<Message[], void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield messages(value);
      if (this.#closed || this.#lost) return;
    }
  }

  /**
   * What still waits in the old socket is older than what was lost: told after a listing, it would
   * undo what the listing said.
   */
  #replace(): void {
    const old = this.#fd;
    this.#reader?.cancel().catch(() => {});
    this.#fd = open(this.#options);
    closeSync(old);
  }
}

function open({ protocol, groups, netns, bufferBytes }: WatchOptions): number {
  const fd = openSocketIn(netns, {
    family: afNetlink,
    type: sockRawNonBlocking,
    protocol: netlinkProtocol[protocol],
  });
  try {
    setsockopt(fd, solSocket, soReceiveBufferForce, int32(bufferBytes));
    // Unbound, it has the kernel's own number and is passed over.
    const address = new Uint8Array(12);
    address[0] = afNetlink;
    bind(fd, address);
    for (const number of groups) setsockopt(fd, solNetlink, addMembership, int32(number));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}

/** The kernel dropped messages, or one did not fit. */
function isLoss(error: unknown): boolean {
  return error instanceof DecodeError || (error as { code?: string }).code === "ENOBUFS";
}

function int32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}
