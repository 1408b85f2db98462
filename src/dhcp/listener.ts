/** A packet socket in a link's namespace, read as a stream of frames. */
import { openSocketIn } from "../kernel/netns/netns.ts";
import { closeSync } from "../kernel/sys/files.ts";
import { bindPacketSocket, type FilterStep, packetSocket } from "../kernel/sys/packet.ts";
import type { ClientLink } from "./protocol.ts";

/** Which frames are wanted. */
interface Wanted {
  readonly etherType: number;
  /** Cuts each frame to its own length: the stream joins what it reads. */
  readonly filter: readonly FilterStep[];
  /** Takes frames that were joined apart. */
  readonly split: (chunk: Uint8Array) => Iterable<Uint8Array>;
}

/** A packet socket that is read as a stream. */
export class Listener implements Disposable {
  readonly fd: number;
  readonly #reader: ReturnType<typeof readerOf>;
  #closed = false;

  constructor(
    { netns, index }: ClientLink,
    { etherType, filter, split }: Wanted,
    receive: (frame: Uint8Array) => void,
  ) {
    this.fd = openSocketIn(netns, packetSocket);
    try {
      bindPacketSocket(this.fd, { index, etherType }, filter);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    // The stream reads a duplicate of the descriptor, and closes only that.
    this.#reader = readerOf(this.fd);
    void this.#read(split, receive);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.cancel().catch(() => {});
    closeSync(this.fd);
  }

  /** Ends when the link goes down (ENETDOWN) or away: the timer finds that out by sending. */
  async #read(split: Wanted["split"], receive: (frame: Uint8Array) => void): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        for (const frame of split(value)) {
          if (this.#closed) return;
          receive(frame);
        }
      }
    } catch (error) {
      if (typeof (error as { code?: unknown }).code !== "string") throw error;
    }
  }
}

function readerOf(fd: number) {
  return Bun.file(fd).stream().getReader();
}
