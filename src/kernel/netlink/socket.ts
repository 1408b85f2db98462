/** A netlink socket: requests in batches, dumps, replies. */
import type { Begun } from "../../lib/begun.ts";
import { Writer } from "../../lib/bytes.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { openSocketIn } from "../netns/netns.ts";
import { Background } from "../sys/background.ts";
import { closeSync } from "../sys/files.ts";
import * as sys from "../sys/libc.ts";
import { NetlinkError } from "./error.ts";
import { encode, errorOf, type Message, messages, nlmF, nlmsg, type Request } from "./message.ts";

const afNetlink = 16;
const sockRaw = 3;
const solSocket = 1;
const solNetlink = 270;
const netlinkOption = { capAck: 10, extAck: 11, strictCheck: 12 } as const;
const socketOption = { receiveTimeout: 20, sendBufferForce: 32, receiveBufferForce: 33 } as const;
const msgTrunc = 0x20;
const errno = { EINTR: 4, EAGAIN: 11, EMSGSIZE: 90 } as const;

const receiveTimeoutS = 10;
const maxDumpTries = 10;
/** Most requests of one datagram. */
const maxBatch = 500;
/** As many answers fit the receive buffer by default, at 4 KiB each in the kernel's count. */
const usualAnswers = 40;
/** Room for 40,000 errors of one transaction; memory is taken only by what waits. */
const receiveBufferBytes = 16 << 20;
/** The kernel makes dump datagrams no longer than this, except for one message that is longer. */
const datagramBytes = 32 * 1024;
/** What a socket sends in one datagram by default. */
const sendBufferBytes = 200 * 1024;

export const netlinkProtocol = { route: 0, netfilter: 12, generic: 16 } as const;

/** What came of one request of a batch. */
export interface Outcome {
  /** Messages other than the acknowledgement. */
  readonly replies: readonly Message[];
  /** Undefined also when the request tolerates the error. */
  readonly error: NetlinkError | undefined;
}

/** Work that somebody may look after from time to time, rather than wait for it. */
export interface UnderWay {
  /** Whether to finish it takes no time. */
  isDone(): boolean;
}

function int32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}

/** Belongs for life to the namespace that it was opened in. */
export class NetlinkSocket implements Disposable {
  readonly fd: number;
  private seq = 0;
  /** Received datagrams lie one after the other and are never overwritten: replies point here. */
  private buffer = new Uint8Array(4 * datagramBytes);
  private used = 0;
  private busy = false;
  private closed = false;

  /** Opens in the namespace at `netns`, or where the thread is. Throws SysError, NetnsError. */
  constructor(protocol: keyof typeof netlinkProtocol, netns: string = hostNetns) {
    this.fd = openSocketIn(netns, {
      family: afNetlink,
      type: sockRaw,
      protocol: netlinkProtocol[protocol],
    });
    const on = int32(1);
    sys.setsockopt(this.fd, solNetlink, netlinkOption.extAck, on);
    sys.setsockopt(this.fd, solNetlink, netlinkOption.capAck, on);
    // Without it the kernel ignores what a dump asks for, and sends everything.
    if (protocol === "route") sys.setsockopt(this.fd, solNetlink, netlinkOption.strictCheck, on);
    // A transaction of nftables is one datagram of any length, with an error for any of its parts.
    if (protocol === "netfilter") {
      this.enlarge(socketOption.receiveBufferForce, receiveBufferBytes);
    }
    const timeval = new Uint8Array(16);
    timeval[0] = receiveTimeoutS;
    sys.setsockopt(this.fd, solSocket, socketOption.receiveTimeout, timeval);
  }

  /** Twice is once: by then the number may be another file's. */
  [Symbol.dispose](): void {
    if (!this.closed) closeSync(this.fd);
    this.closed = true;
  }

  /** As `batch`, but throws the first error that its request does not tolerate. */
  run(requests: readonly Request[]): readonly Outcome[] {
    return throwFirst(this.batch(requests));
  }

  /**
   * Sends requests in one datagram; the kernel works through all of them in order, whatever fails.
   * More than some hundreds take several datagrams.
   */
  batch(requests: readonly Request[]): Outcome[] {
    if (requests.length > maxBatch) {
      const starts = Array.from({ length: Math.ceil(requests.length / maxBatch) }, (_, i) => i);
      return starts.flatMap((i) => this.batch(requests.slice(i * maxBatch, (i + 1) * maxBatch)));
    }
    this.assertFree();
    if (requests.length === 0) return [];
    const before = this.seq;
    sys.send(this.fd, this.encodeAll(requests));
    return this.collect(requests, before);
  }

  /**
   * As `run`, but the kernel works on another thread, so that the caller goes on meanwhile:
   * deleting a link makes its thread wait some 17 ms. Until it is finished the socket serves
   * nothing else.
   */
  begin(requests: readonly Request[]): Begun<readonly Outcome[]> & UnderWay {
    this.assertFree();
    if (requests.length === 0) return { isDone: () => true, finish: () => [] };
    if (requests.length > maxBatch) throw new RangeError(`at most ${maxBatch} requests at once`);
    const before = this.seq;
    const sending = Background.write(this.fd, this.encodeAll(requests));
    this.busy = true;
    return {
      isDone: () => sending.isDone,
      finish: () => {
        this.busy = false;
        sending.finish();
        return throwFirst(this.collect(requests, before));
      },
    };
  }

  /** All messages that answer a dump. A dump that changed under way is repeated. */
  dump(item: Request): Message[] {
    this.assertFree();
    for (let tries = 0; tries < maxDumpTries; tries++) {
      const found = this.dumpOnce(item);
      if (found) return found;
    }
    throw new NetlinkError(`${item.op} without interruption in ${maxDumpTries} tries`, errno.EINTR);
  }

  private assertFree(): void {
    if (this.busy) throw new Error("this netlink socket is at work in the background");
  }

  /** The kernel works in order and always tells errors: only the last asks to be acknowledged. */
  private encodeAll(requests: readonly Request[]): Uint8Array {
    const out = new Writer();
    const last = requests.length - 1;
    for (let at = 0; at <= last; at++) {
      const item = requests[at]!;
      const ack = at === last && !item.answered ? nlmF.ack : 0;
      encode(out, item, item.flags | ack, this.nextSeq());
    }
    if (out.length > sendBufferBytes) this.enlarge(socketOption.sendBufferForce, 2 * out.length);
    if (last > usualAnswers) this.enlarge(socketOption.receiveBufferForce, receiveBufferBytes);
    return out.bytes;
  }

  private enlarge(option: number, bytes: number): void {
    try {
      sys.setsockopt(this.fd, solSocket, option, int32(bytes));
    } catch {
      // Not root in the first user namespace: the default must do.
    }
  }

  /** In an agent that runs for months the numbers begin anew. */
  private nextSeq(): number {
    this.seq = (this.seq + 1) >>> 0;
    return this.seq;
  }

  /** The answers to requests whose numbers come after `before`. */
  private collect(requests: readonly Request[], before: number): Outcome[] {
    const outcomes: { replies: Message[]; error: NetlinkError | undefined }[] = [];
    for (let at = 0; at < requests.length; at++) outcomes.push({ replies: [], error: undefined });
    for (;;) {
      for (const message of this.receive()) {
        const at = (message.seq - before - 1) >>> 0;
        const outcome = outcomes[at];
        // Left over from a batch that gave up.
        if (!outcome) continue;
        const item = requests[at]!;
        const told = message.type === nlmsg.error;
        if (told) outcome.error = untolerated(message, item);
        else outcome.replies.push(message);
        if (message.seq === this.seq && (told || item.answered)) return outcomes;
      }
    }
  }

  private dumpOnce(item: Request): Message[] | undefined {
    const out = new Writer(64);
    const seq = this.nextSeq();
    encode(out, item, item.flags | nlmF.dump, seq);
    sys.send(this.fd, out.bytes);
    const found: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.receive()) {
        if (message.seq !== seq) continue;
        if (message.flags & nlmF.dumpIntr) interrupted = true;
        if (message.type === nlmsg.done || message.type === nlmsg.error) {
          const error = untolerated(message, item);
          if (error) throw error;
          return interrupted ? undefined : found;
        }
        found.push(message);
      }
    }
  }

  /** One datagram's messages. */
  private receive(): Message[] {
    if (this.buffer.length - this.used < datagramBytes) {
      this.buffer = new Uint8Array(4 * datagramBytes);
      this.used = 0;
    }
    const { buffer, used } = this;
    const length = this.receiveInto(buffer, used);
    if (length > buffer.length - used) {
      throw new NetlinkError(`receive ${length} bytes in one datagram`, errno.EMSGSIZE);
    }
    this.used = used + length;
    return messages(buffer, used, used + length);
  }

  private receiveInto(buffer: Uint8Array, at: number): number {
    try {
      return sys.recv(this.fd, buffer, msgTrunc, at);
    } catch (error) {
      if ((error as sys.SysError).errno !== errno.EAGAIN) throw error;
      throw new NetlinkError(`hear from the kernel in ${receiveTimeoutS} s`, errno.EAGAIN);
    }
  }
}

function untolerated(message: Message, item: Request): NetlinkError | undefined {
  const error = errorOf(message, item.op);
  return error && item.tolerate?.includes(error.code) ? undefined : error;
}

function throwFirst(outcomes: readonly Outcome[]): readonly Outcome[] {
  for (const outcome of outcomes) if (outcome.error) throw outcome.error;
  return outcomes;
}
