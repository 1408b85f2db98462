/** Ethernet frames: IPv4 with UDP, and ARP. Sources: RFC 791, 768, 826, 1071. */
import { Reader, Writer } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import { bytesToMac, macToBytes } from "../formats.ts";

export const etherType = { ipv4: 0x0800, arp: 0x0806 } as const;
export const broadcastMac = "ff:ff:ff:ff:ff:ff";
export const dhcpPorts = { server: 67, client: 68 } as const;

const udp = 17;
const ethernetBytes = 14;
const ipBytes = 20;
const udpBytes = 8;
const arpBytes = 28;
const noMac = "00:00:00:00:00:00";

/** The ones' complement sum of 16-bit words, folded. An odd last byte counts as a high one. */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Of the pseudo header that UDP's checksum covers. */
function pseudoSum(addresses: Uint8Array, udpLength: number): number {
  return sum(addresses, udp + udpLength);
}

/** A client's message to all servers, before it has an address; or to one, if told. */
export function dhcpFrame(
  mac: string,
  payload: Uint8Array,
  { from, to } = { from: "0.0.0.0", to: "255.255.255.255" },
): Uint8Array {
  const out = new Writer(ethernetBytes + ipBytes + udpBytes + payload.length);
  ethernetHeader(out, { to: broadcastMac, from: mac, type: etherType.ipv4 });
  const addresses = Uint8Array.of(...ipToBytes(from), ...ipToBytes(to));
  const udpLength = udpBytes + payload.length;
  out.raw(ipHeader(addresses, udpLength));
  const datagram = new Writer(udpLength);
  datagram.u16be(dhcpPorts.client);
  datagram.u16be(dhcpPorts.server);
  datagram.u16be(udpLength);
  datagram.u16be(0);
  datagram.raw(payload);
  const bytes = datagram.bytes;
  // A checksum of zero would mean that there is none.
  const checksum = ~sum(bytes, pseudoSum(addresses, udpLength)) & 0xffff || 0xffff;
  bytes[6] = checksum >>> 8;
  bytes[7] = checksum & 0xff;
  out.raw(bytes);
  return out.bytes;
}

function ethernetHeader(
  out: Writer,
  { to, from, type }: { to: string; from: string; type: number },
): void {
  out.raw(macToBytes(to));
  out.raw(macToBytes(from));
  out.u16be(type);
}

/** `addresses`: source, then destination. */
function ipHeader(addresses: Uint8Array, length: number): Uint8Array {
  const out = new Writer(ipBytes);
  out.u8(0x45); // version 4, five words
  out.u8(0x10); // low delay, as every client sets it
  out.u16be(ipBytes + length);
  out.u32be(0); // no fragment
  out.u8(64);
  out.u8(udp);
  out.u16be(0);
  out.raw(addresses);
  const bytes = out.bytes;
  const checksum = ~sum(bytes) & 0xffff;
  bytes[10] = checksum >>> 8;
  bytes[11] = checksum & 0xff;
  return bytes;
}

/** A datagram to the port of DHCP clients, and who sent it. */
export interface ReceivedDatagram {
  readonly from: string;
  readonly payload: Uint8Array;
}

/** The datagram in a frame; undefined for another, and for one that was damaged. */
export function readDhcpFrame(frame: Uint8Array): ReceivedDatagram | undefined {
  const header = (frame[ethernetBytes] ?? 0) & 0x0f;
  const length = 4 * header;
  const total = ((frame[16] ?? 0) << 8) | (frame[17] ?? 0);
  const isIpv4 = frame[ethernetBytes]! >>> 4 === 4 && frame[12] === 8 && frame[13] === 0;
  const packet = frame.subarray(ethernetBytes, ethernetBytes + total);
  if (!isIpv4 || length < ipBytes || packet.length < total || total < length + udpBytes) {
    return undefined;
  }
  const fragment = ((packet[6]! << 8) | packet[7]!) & 0x3fff;
  if (packet[9] !== udp || fragment !== 0 || sum(packet.subarray(0, length)) !== 0xffff) {
    return undefined;
  }
  const addresses = packet.subarray(12, 20);
  const payload = readDatagram(packet.subarray(length), addresses);
  return payload && { from: bytesToIp(addresses.subarray(0, 4)), payload };
}

function readDatagram(datagram: Uint8Array, addresses: Uint8Array): Uint8Array | undefined {
  const from = new Reader(datagram);
  from.skip(2);
  const [port, length, checksum] = [from.u16be(), from.u16be(), from.u16be()];
  if (port !== dhcpPorts.client || length < udpBytes || length > datagram.length) return undefined;
  const whole = datagram.subarray(0, length);
  const pseudo = pseudoSum(addresses, length);
  // A server on this machine: the kernel leaves the sum to the hardware that such a packet never
  // meets, so there stands the pseudo header's alone.
  const isRight = checksum === 0 || checksum === pseudo || sum(whole, pseudo) === 0xffff;
  return isRight ? whole.subarray(udpBytes) : undefined;
}

/** ARP for IPv4 on Ethernet. */
export interface ArpPacket {
  readonly op: "request" | "reply";
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetIp: string;
}

const arpOps = { request: 1, reply: 2 } as const;

/** Asks everybody who has the address, without having one: RFC 5227 section 2.1.1. */
export function arpProbe(mac: string, ip: string): Uint8Array {
  return arpFrame({ op: "request", senderMac: mac, senderIp: "0.0.0.0", targetIp: ip });
}

/** A broadcast. */
export function arpFrame({ op, senderMac, senderIp, targetIp }: ArpPacket): Uint8Array {
  const out = new Writer(ethernetBytes + arpBytes);
  ethernetHeader(out, { to: broadcastMac, from: senderMac, type: etherType.arp });
  out.u16be(1); // Ethernet
  out.u16be(etherType.ipv4);
  out.u8(6);
  out.u8(4);
  out.u16be(arpOps[op]);
  out.raw(macToBytes(senderMac));
  out.raw(ipToBytes(senderIp));
  out.raw(macToBytes(noMac));
  out.raw(ipToBytes(targetIp));
  return out.bytes;
}

/** The ARP packet in a frame; undefined for any other. */
export function readArpFrame(frame: Uint8Array): ArpPacket | undefined {
  if (frame.length < ethernetBytes + arpBytes) return undefined;
  const from = new Reader(frame, 12);
  const [type, hardware, protocol] = [from.u16be(), from.u16be(), from.u16be()];
  const [macLength, ipLength, op] = [from.u8(), from.u8(), from.u16be()];
  const isIpOnEthernet = hardware === 1 && protocol === etherType.ipv4;
  if (type !== etherType.arp || !isIpOnEthernet || macLength !== 6 || ipLength !== 4) {
    return undefined;
  }
  if (op !== arpOps.request && op !== arpOps.reply) return undefined;
  const senderMac = bytesToMac(from.raw(6));
  const senderIp = bytesToIp(from.raw(4));
  from.skip(6);
  return {
    op: op === arpOps.request ? "request" : "reply",
    senderMac,
    senderIp,
    targetIp: bytesToIp(from.raw(4)),
  };
}

/**
 * Frames that lie one after the other, as a stream of a packet socket gives them: their own length
 * fields tell where one ends, which the socket's filter has made sure of. A last one that is cut
 * short is lost.
 */
export function* splitFrames(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + ethernetBytes + 4 <= chunk.length; ) {
    const isArp = chunk[at + 12] === 8 && chunk[at + 13] === 6;
    const length = isArp ? arpBytes : (chunk[at + 16]! << 8) | chunk[at + 17]!;
    const end = at + ethernetBytes + length;
    if (length < ipBytes || end > chunk.length) return;
    yield chunk.subarray(at, end);
    at = end;
  }
}
