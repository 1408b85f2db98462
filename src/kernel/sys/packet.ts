/** Packet sockets: bound to a link, with a filter. Sources: packet(7), uapi/linux/filter.h. */
import { ptr } from "bun:ffi";
import { bind, sendTo, setsockopt } from "./libc.ts";

const afPacket = 17;
const solSocket = 1;
const soAttachFilter = 26;
const solPacket = 263;
const membership = { add: 1, multicast: 0 } as const;

/** How to open one that gets nothing yet: for `openSocketIn`. */
export const packetSocket = { family: afPacket, type: 3 | 0o4000, protocol: 0 } as const;

/** An instruction of classic BPF: code, jump if true, jump if false, operand. */
export type FilterStep = readonly [code: number, yes: number, no: number, operand: number];

/** Binds a socket to a link's frames of one type that the filter lets pass. Throws SysError. */
export function bindPacketSocket(
  fd: number,
  { index, etherType }: { readonly index: number; readonly etherType: number },
  filter: readonly FilterStep[],
): void {
  attachFilter(fd, filter);
  bind(fd, linkAddress(index, etherType));
}

/**
 * Sends a frame, its Ethernet header included, through a link. Throws SysError. Its type is told
 * apart from the header, too: not every kind of link looks into that (ipvlan), and filters drop
 * what says one thing here and another there.
 */
export function sendFrame(fd: number, index: number, frame: Uint8Array): void {
  const etherType = (frame[12]! << 8) | frame[13]!;
  sendTo(fd, frame, linkAddress(index, etherType));
}

/** Has the link take in frames to a group's hardware address while the socket is open. */
export function joinGroup(fd: number, index: number, mac: Uint8Array): void {
  const request = new DataView(new ArrayBuffer(16)); // struct packet_mreq
  request.setInt32(0, index, true);
  request.setUint16(4, membership.multicast, true);
  request.setUint16(6, mac.length, true);
  const bytes = new Uint8Array(request.buffer);
  bytes.set(mac, 8);
  setsockopt(fd, solPacket, membership.add, bytes);
}

function attachFilter(fd: number, filter: readonly FilterStep[]): void {
  const program = new DataView(new ArrayBuffer(8 * filter.length));
  for (const [i, [code, yes, no, operand]] of filter.entries()) {
    program.setUint16(8 * i, code, true);
    program.setUint8(8 * i + 2, yes);
    program.setUint8(8 * i + 3, no);
    program.setUint32(8 * i + 4, operand, true);
  }
  const bytes = new Uint8Array(program.buffer);
  const header = new DataView(new ArrayBuffer(16));
  header.setUint16(0, filter.length, true);
  header.setBigUint64(8, BigInt(ptr(bytes)), true);
  setsockopt(fd, solSocket, soAttachFilter, new Uint8Array(header.buffer));
}

/** `struct sockaddr_ll`. */
function linkAddress(index: number, etherType: number): Uint8Array {
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, afPacket, true);
  address.setUint16(2, etherType, false);
  address.setInt32(4, index, true);
  return new Uint8Array(address.buffer);
}
