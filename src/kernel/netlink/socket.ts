/** A netlink socket: requests in batches, dumps, replies. Synchronous. */
import { closeSync } from "node:fs";
import { Writer } from "../../lib/bytes.ts";
import * as sys from "../sys/libc.ts";
import { NetlinkError } from "./error.ts";
import { encode, errorOf, type Message, messages, nlmF, nlmsg, type Request } from "./message.ts";

const afNetlink = 16;
const sockRaw = 3;
const solSocket = 1;
const solNetlink = 270;
const options = { capAck: 10, extAck: 11, strictCheck: 12 } as const;
const receiveTimeoutS = 10;
const maxDumpTries = 10;

export const netlinkProtocol = { route: 0, netfilter: 12 } as const;

/** What came of one request of a batch. */
export interface Outcome {
  /** Messages other than the acknowledgement, copied from the buffer. */
  readonly replies: readonly Message[];
  readonly error: NetlinkError | undefined;
}

const one = new Uint8Array([1, 0, 0, 0]);

/** Belongs for life to the namespace that it was opened in. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  readonly #buffer = new Uint8Array(64 * 1024);
  #seq = 0;

  /** Opens in the namespace that the calling thread is in. Throws SysError. */
  constructor(protocol: keyof typeof netlinkProtocol) {
    this.fd = sys.socket(afNetlink, sockRaw, netlinkProtocol[protocol]);
    sys.setsockopt(this.fd, solNetlink, options.extAck, one);
    sys.setsockopt(this.fd, solNetlink, options.capAck, one);
    if (protocol === "route") sys.setsockopt(this.fd, solNetlink, options.strictCheck, one);
    const timeout = new BigInt64Array([BigInt(receiveTimeoutS), 0n]);
    sys.setsockopt(this.fd, solSocket, 20, new Uint8Array(timeout.buffer));
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }

  /** Sends requests in one datagram; throws the first error that its request does not tolerate. */
  run(requests: readonly Request[]): readonly Outcome[] {
    const outcomes = this.batch(requests);
    for (const outcome of outcomes) if (outcome.error) throw outcome.error;
    return outcomes;
  }

  /** Sends requests in one datagram; the kernel works through all of them, whatever fails. */
  batch(requests: readonly Request[]): Outcome[] {
    if (requests.length === 0) return [];
    const out = new Writer();
    const first = this.#seq + 1;
    for (const item of requests) {
      encode(out, { ...item, flags: item.flags | nlmF.ack }, ++this.#seq);
    }
    sys.send(this.fd, out.bytes);
    const outcomes: Outcome[] = [];
    const replies: Message[][] = requests.map(() => []);
    let open = requests.length;
    while (open > 0) {
      for (const message of this.#receive()) {
        const index = message.seq - first;
        const item = requests[index];
        if (!item) continue;
        if (message.type !== nlmsg.error) {
          replies[index]!.push(message);
          continue;
        }
        const error = errorOf(message, item.op);
        const tolerated = error && item.tolerate?.includes(error.code);
        outcomes[index] = { replies: replies[index]!, error: tolerated ? undefined : error };
        open--;
      }
    }
    return outcomes;
  }

  /** All messages that answer a dump. A dump that changed under way is repeated. */
  dump(item: Request): Message[] {
    for (let tries = 0; tries < maxDumpTries; tries++) {
      const found = this.#dumpOnce(item);
      if (found) return found;
    }
    throw new NetlinkError(`${item.op} without interruption in ${maxDumpTries} tries`, 4);
  }

  #dumpOnce(item: Request): Message[] | undefined {
    const out = new Writer();
    const seq = ++this.#seq;
    encode(out, { ...item, flags: item.flags | nlmF.dump }, seq);
    sys.send(this.fd, out.bytes);
    const found: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.seq !== seq) continue;
        if (message.flags & nlmF.dumpIntr) interrupted = true;
        if (message.type === nlmsg.done || message.type === nlmsg.error) {
          const error = errorOf(message, item.op);
          if (error && !item.tolerate?.includes(error.code)) throw error;
          return interrupted ? undefined : found;
        }
        found.push(message);
      }
    }
  }

  /** One datagram's messages, in a copy: windows into it stay valid. */
  #receive(): Message[] {
    const msgTrunc = 0x20;
    const length = sys.recv(this.fd, this.#buffer, msgTrunc);
    if (length > this.#buffer.length) {
      throw new NetlinkError(`receive ${length} bytes in one datagram`, 90);
    }
    return [...messages(this.#buffer.slice(0, length))];
  }
}
