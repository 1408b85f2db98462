/** Ethernet frames that hold IPv6: datagrams for DHCP clients, and ICMPv6. RFC 8200, 768, 4443. */
import { Writer } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import { bytesToMac, macToBytes } from "../formats.ts";

export const dhcpPorts = { client: 546, server: 547 } as const;

export const etherType = 0x86dd;
export const ethernetBytes = 14;
export const ipBytes = 40;
export const protocols = { udp: 17, icmp: 58 } as const;
const udpBytes = 8;
/** What came over no router: RFC 4861 section 6.1.2 has neighbours check it. */
const hopLimit = 255;

/** What a frame held that a client listens to. */
export type Received =
  | { readonly kind: "datagram"; readonly from: string; readonly payload: Uint8Array }
  | {
      readonly kind: "icmp";
      /** The sender's hardware address, with colons. */
      readonly mac: string;
      readonly from: string;
      /** From its type on. */
      readonly message: Uint8Array;
    };

/** The ones' complement sum of 16-bit words, folded. An odd last byte counts as a high one. */
function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** `addresses`: source, then destination. The pseudo header's sum: RFC 8200 section 8.1. */
function pseudoSum(addresses: Uint8Array, length: number, protocol: number): number {
  return sum(addresses, (length >>> 16) + (length & 0xffff) + protocol);
}

/**
 * A datagram for a DHCP client, or a neighbour's ICMPv6; undefined for any other frame, for one
 * that is damaged, and for one with extension headers, which neither has.
 */
export function readFrame(frame: Uint8Array): Received | undefined {
  const packet = frame.subarray(ethernetBytes);
  const isSixth = ((frame[12]! << 8) | frame[13]!) === etherType && packet[0]! >>> 4 === 6;
  if (!isSixth) return undefined;
  const length = (packet[4]! << 8) | packet[5]!;
  const addresses = packet.subarray(8, ipBytes);
  const payload = packet.subarray(ipBytes, ipBytes + length);
  if (addresses.length < 32 || payload.length < length) return undefined;
  const from = bytesToIp(addresses.subarray(0, 16));
  const pseudo = pseudoSum(addresses, length, packet[6]!);
  if (packet[6] === protocols.udp) {
    const datagram = readDatagram(payload, pseudo);
    return datagram && { kind: "datagram", from, payload: datagram };
  }
  const isNeighbours = packet[6] === protocols.icmp && packet[7] === hopLimit;
  if (!isNeighbours || length < 8 || sum(payload, pseudo) !== 0xffff) return undefined;
  return { kind: "icmp", mac: bytesToMac(frame.subarray(6, 12)), from, message: payload };
}

function readDatagram(datagram: Uint8Array, pseudo: number): Uint8Array | undefined {
  if (datagram.length < udpBytes) return undefined;
  const word = (at: number) => (datagram[at]! << 8) | datagram[at + 1]!;
  const [port, length, checksum] = [word(2), word(4), word(6)];
  if (port !== dhcpPorts.client || length !== datagram.length) return undefined;
  // A server on this machine: the kernel leaves the sum to the hardware that such a packet never
  // meets, so there stands the pseudo header's alone.
  const isRight = checksum === pseudo || sum(datagram, pseudo) === 0xffff;
  return isRight ? datagram.subarray(udpBytes) : undefined;
}

/** An ICMPv6 message to a group, its checksum filled in. */
export function icmpFrame({
  mac,
  from,
  group,
  message,
}: {
  readonly mac: string;
  readonly from: string;
  readonly group: string;
  readonly message: Uint8Array;
}): Uint8Array {
  const addresses = Uint8Array.of(...ipToBytes(from), ...ipToBytes(group));
  const out = new Writer(ethernetBytes + ipBytes + message.length);
  out.raw(groupMac(group));
  out.raw(macToBytes(mac));
  out.u16be(etherType);
  out.u32be(6 * 2 ** 28);
  out.u16be(message.length);
  out.u8(protocols.icmp);
  out.u8(hopLimit);
  out.raw(addresses);
  const whole = message.slice();
  const checksum = ~sum(whole, pseudoSum(addresses, whole.length, protocols.icmp)) & 0xffff;
  whole.set([checksum >>> 8, checksum & 0xff], 2);
  out.raw(whole);
  return out.bytes.slice();
}

/** The hardware address of a group: RFC 2464 section 7. */
export function groupMac(group: string): Uint8Array {
  return Uint8Array.of(0x33, 0x33, ...ipToBytes(group).subarray(12));
}

/**
 * The frames in what a socket's stream gave, which joins those that came together: their length
 * fields tell where one ends, which the socket's filter has made sure of.
 */
export function* splitFrames(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + ethernetBytes + ipBytes <= chunk.length; ) {
    const end = at + ethernetBytes + ipBytes + ((chunk[at + 18]! << 8) | chunk[at + 19]!);
    if (end > chunk.length) return;
    yield chunk.subarray(at, end);
    at = end;
  }
}
