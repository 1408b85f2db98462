/** One atomic nfnetlink batch: begin, requests, end, in one send. */
import { Writer } from "../../lib/bytes.ts";
import type { NetlinkError } from "../netlink/error.ts";
import { encode, errorOf, messages, nlmF, nlmsg, type Request } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { recv, send, setsockopt } from "../sys/libc.ts";
import { NftError } from "./error.ts";
import { subsystem } from "./wire.ts";

const batchBegin = 0x10;
const batchEnd = 0x11;
const solSocket = 1;
const sendBufferForce = 32;
/** What a socket sends in one datagram by default. */
const usualBytes = 200 * 1024;
const maxTries = 10;

/** Far from where the socket's own numbering gets to, so that answers are never mixed up. */
let seq = 0x4000_0000;
const buffer = new Uint8Array(16 * 1024);

/**
 * Carries out all requests or none. A request may be refused with an errno that it tolerates:
 * the kernel gives up the whole batch then, so it is repeated without that request. Throws
 * NftError with the refused request's `index`.
 */
export function transact(socket: NetlinkSocket, requests: readonly Request[]): void {
  let left = requests.map((request, index) => ({ request, index }));
  for (let tries = 0; left.length > 0; tries++) {
    const refused = attempt(
      socket,
      left.map(({ request }) => request),
    );
    if (refused.size === 0) return;
    for (const [at, error] of refused) {
      const { request, index } = left[at] ?? {};
      if (!request?.tolerate?.includes(error.code) || tries === maxTries) {
        throw NftError.fromNetlink(error, index);
      }
    }
    left = left.filter((_, at) => !refused.has(at));
  }
}

/** What was refused, by position; -1 stands for the batch as such. Empty: it is in force. */
function attempt(socket: NetlinkSocket, requests: readonly Request[]): Map<number, NetlinkError> {
  const out = new Writer(4096);
  const first = seq + 1;
  seq += requests.length + 2;
  const frame = (type: number, number: number) =>
    encode(out, { op: "", type, flags: 0, write: writeSubsystem }, 0, number);
  frame(batchBegin, first - 1);
  requests.forEach((request, i) => {
    // Errors always come back; one acknowledgement more tells the end of them.
    const ack = i === requests.length - 1 ? nlmF.ack : 0;
    encode(out, request, request.flags | ack, first + i);
  });
  frame(batchEnd, first + requests.length);
  if (out.length > usualBytes) makeRoom(socket.fd, out.length);
  send(socket.fd, out.bytes);
  return answers(socket.fd, requests, first);
}

function writeSubsystem(out: Writer): void {
  out.u16(0);
  out.u16be(subsystem);
}

/** The kernel counts its own overhead too. Only root of the first user namespace may ask. */
function makeRoom(fd: number, length: number): void {
  try {
    setsockopt(fd, solSocket, sendBufferForce, new Uint8Array(Uint32Array.of(length * 2).buffer));
  } catch {
    // Then the send says whether the default does.
  }
}

function answers(
  fd: number,
  requests: readonly Request[],
  first: number,
): Map<number, NetlinkError> {
  const refused = new Map<number, NetlinkError>();
  for (;;) {
    const msgTrunc = 0x20;
    const length = recv(fd, buffer, msgTrunc);
    for (const message of messages(buffer.subarray(0, Math.min(length, buffer.length)))) {
      const at = message.seq - first;
      if (at < -1 || at >= requests.length || message.type !== nlmsg.error) continue;
      const error = errorOf(message, requests[at]?.op ?? "change nftables");
      if (error) refused.set(at, error);
      // An error of the batch as such comes before the requests' own and makes them void.
      if (at === -1 || at === requests.length - 1) return refused;
    }
  }
}
