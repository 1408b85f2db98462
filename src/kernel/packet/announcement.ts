/** Frames that tell neighbours who has an address: gratuitous ARP, unsolicited advertisements. */
import { ipToBytes } from "../../lib/ip.ts";

const etherType = { arp: 0x0806, ipv6: 0x86dd } as const;
const icmpv6 = { protocol: 58, neighbourAdvertisement: 136, targetLinkAddress: 2 } as const;
/** "Override": what neighbours knew before is wrong. */
const override = 0x20;

/** A frame from `mac` to everybody on its network, saying that it has `address`. */
export function announcement(mac: string, address: string): Uint8Array {
  return address.includes(":") ? advertisement(mac, address) : gratuitousArp(mac, address);
}

function macBytes(mac: string): number[] {
  return mac.split(":").map((digits) => Number.parseInt(digits, 16));
}

function u16(value: number): number[] {
  return [value >>> 8, value & 0xff];
}

/** A request for one's own address. Source: RFC 5227, section 3. */
function gratuitousArp(mac: string, address: string): Uint8Array {
  const own = macBytes(mac);
  const ip = ipToBytes(address);
  const everybody = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const head = [...u16(1), ...u16(0x0800), 6, 4, ...u16(1)];
  return Uint8Array.from([
    ...[...everybody, ...own, ...u16(etherType.arp)],
    ...[...head, ...own, ...ip, 0, 0, 0, 0, 0, 0, ...ip],
  ]);
}

/** Source: RFC 4861, sections 4.4 and 7.2.6. */
function advertisement(mac: string, address: string): Uint8Array {
  const own = macBytes(mac);
  const source = [...ipToBytes(address)];
  const allNodes = [...ipToBytes("ff02::1")];
  const link = [icmpv6.targetLinkAddress, 1, ...own];
  const body = [icmpv6.neighbourAdvertisement, 0, 0, 0, override, 0, 0, 0, ...source, ...link];
  const pseudo = [...source, ...allNodes, 0, 0, ...u16(body.length), 0, 0, 0, icmpv6.protocol];
  const sum = checksum([...pseudo, ...body]);
  body.splice(2, 2, ...u16(sum));
  const head = [0x60, 0, 0, 0, ...u16(body.length), icmpv6.protocol, 255];
  return Uint8Array.from([
    ...[0x33, 0x33, 0, 0, 0, 1, ...own, ...u16(etherType.ipv6)],
    ...[...head, ...source, ...allNodes, ...body],
  ]);
}

/** Source: RFC 1071. The bytes are even in number. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
