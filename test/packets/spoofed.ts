/** Frames that a container should not send, made byte by byte. */
import { ipToBytes } from "../../src/lib/ip.ts";

/** Who the attacker is, and who it plays. */
export interface Cast {
  /** The attacker's own hardware address, and one that it has not. */
  readonly mac: string;
  readonly otherMac: string;
  /** Addresses of the attacker. */
  readonly ipv4: string;
  readonly ipv6: string;
  /** Addresses of somebody else. */
  readonly otherIpv4: string;
  readonly otherIpv6: string;
}

const broadcast = "ff:ff:ff:ff:ff:ff";
const allNodes = { mac: "33:33:00:00:00:01", ip: "ff02::1" } as const;
const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, experiment: 0x88b5 } as const;
const udp = 17;
const icmp6 = 58;

const macBytes = (mac: string) => [...Uint8Array.fromHex(mac.replaceAll(":", ""))];
const u16 = (value: number) => [value >> 8, value & 0xff];
const ip = (address: string) => [...ipToBytes(address)];

function frame(to: string, from: string, type: number, payload: readonly number[]): number[] {
  return [...macBytes(to), ...macBytes(from), ...u16(type), ...payload];
}

function checksum(bytes: readonly number[]): number[] {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return u16(~sum & 0xffff);
}

interface Packet6 {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly payload: readonly number[];
  /** A hop-by-hop header that says nothing stands before the payload. */
  readonly isPadded?: boolean;
}

function ipv6({ from, to, protocol, payload, isPadded }: Packet6): number[] {
  const body = isPadded ? [protocol, 0, 1, 4, 0, 0, 0, 0, ...payload] : [...payload];
  const next = isPadded ? 0 : protocol;
  return [0x60, 0, 0, 0, ...u16(body.length), next, 255, ...ip(from), ...ip(to), ...body];
}

/** An ICMPv6 message with its checksum; bytes 2 and 3 of `message` are its place. */
function withSum(from: string, to: string, message: readonly number[]): number[] {
  const pseudo = [...ip(from), ...ip(to), 0, 0, ...u16(message.length), 0, 0, 0, icmp6];
  const sum = checksum([...pseudo, ...message]);
  return [...message.slice(0, 2), ...sum, ...message.slice(4)];
}

/** `I am a router, for half an hour`. RFC 4861, section 4.2. */
function routerAdvert({ mac }: Cast, isPadded = false): number[] {
  const from = "fe80::bad";
  const message = [
    134,
    0,
    0,
    0,
    64,
    0,
    ...u16(1800),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    1,
    ...macBytes(mac),
  ];
  const payload = withSum(from, allNodes.ip, message);
  const packet = ipv6({ from, to: allNodes.ip, protocol: icmp6, payload, isPadded });
  return frame(allNodes.mac, mac, etherType.ipv6, packet);
}

/** `This address is mine`. RFC 4861, section 4.4. */
function neighbourAdvert({ mac, ipv6: own, otherIpv6 }: Cast): number[] {
  const message = [136, 0, 0, 0, 0x20, 0, 0, 0, ...ip(otherIpv6), 2, 1, ...macBytes(mac)];
  const payload = withSum(own, allNodes.ip, message);
  return frame(
    allNodes.mac,
    mac,
    etherType.ipv6,
    ipv6({ from: own, to: allNodes.ip, protocol: icmp6, payload }),
  );
}

/** `This address is at that hardware address`, to all. RFC 826. */
function arpReply(from: string, sender: { mac: string; ip: string }): number[] {
  const head = [...u16(1), ...u16(etherType.ipv4), 6, 4, ...u16(2)];
  const own = [...macBytes(sender.mac), ...ip(sender.ip)];
  return frame(broadcast, from, etherType.arp, [
    ...head,
    ...own,
    ...macBytes(broadcast),
    ...ip(sender.ip),
  ]);
}

const datagram = [...u16(4444), ...u16(4444), ...u16(9), 0, 0, 0x3f];

function packet4(mac: string, from: string): number[] {
  const head = [0x45, 0, ...u16(20 + datagram.length), 0, 1, 0, 0, 64, udp];
  const ends = [...ip(from), 255, 255, 255, 255];
  const sum = checksum([...head, 0, 0, ...ends]);
  return frame(broadcast, mac, etherType.ipv4, [...head, ...sum, ...ends, ...datagram]);
}

/** The options that keep such a frame in, and how it is sent. */
export interface Attack {
  readonly name: string;
  readonly option: "raGuard" | "macspoofchk" | "ipspoofchk";
  readonly frame: (cast: Cast) => number[];
  /** The protocol that the socket tells the kernel, if not the frame's. */
  readonly claim?: number;
  /** The queueing discipline is passed by. */
  readonly bypass?: boolean;
}

export const attacks: readonly Attack[] = [
  { name: "a router's advertisement", option: "raGuard", frame: (cast) => routerAdvert(cast) },
  {
    name: "a router's advertisement behind an extension header",
    option: "raGuard",
    frame: (cast) => routerAdvert(cast, true),
  },
  {
    name: "a router's advertisement that is said to be IPv4",
    option: "raGuard",
    frame: (cast) => routerAdvert(cast),
    claim: etherType.ipv4,
  },
  {
    name: "a router's advertisement past the queue",
    option: "raGuard",
    frame: (cast) => routerAdvert(cast),
    bypass: true,
  },
  {
    name: "an ARP reply for another's address",
    option: "ipspoofchk",
    frame: ({ mac, otherIpv4 }) => arpReply(mac, { mac, ip: otherIpv4 }),
  },
  {
    name: "an ARP reply for another's address that is said to be IPv6",
    option: "ipspoofchk",
    frame: ({ mac, otherIpv4 }) => arpReply(mac, { mac, ip: otherIpv4 }),
    claim: etherType.ipv6,
  },
  {
    name: "an ARP reply with another hardware address",
    option: "ipspoofchk",
    frame: ({ mac, otherMac, ipv4 }) => arpReply(mac, { mac: otherMac, ip: ipv4 }),
  },
  {
    name: "a neighbour advertisement for another's address",
    option: "ipspoofchk",
    frame: neighbourAdvert,
  },
  {
    name: "an IPv4 packet from another's address",
    option: "ipspoofchk",
    frame: ({ mac, otherIpv4 }) => packet4(mac, otherIpv4),
  },
  {
    name: "an IPv6 packet from another's address",
    option: "ipspoofchk",
    frame: ({ mac, otherIpv6 }) =>
      frame(
        allNodes.mac,
        mac,
        etherType.ipv6,
        ipv6({ from: otherIpv6, to: allNodes.ip, protocol: udp, payload: datagram }),
      ),
  },
  {
    name: "a frame from another hardware address",
    option: "macspoofchk",
    frame: ({ otherMac, ipv4 }) => packet4(otherMac, ipv4),
  },
];

/** What a guarded container may send after all. */
export const honest: readonly Attack[] = [
  {
    name: "an ARP reply for its own address",
    option: "ipspoofchk",
    frame: ({ mac, ipv4 }) => arpReply(mac, { mac, ip: ipv4 }),
  },
  {
    name: "an ARP probe of who has no address yet",
    option: "ipspoofchk",
    frame: ({ mac }) => arpReply(mac, { mac, ip: "0.0.0.0" }),
  },
  {
    name: "a neighbour advertisement for its own address",
    option: "ipspoofchk",
    frame: (cast) => neighbourAdvert({ ...cast, otherIpv6: cast.ipv6 }),
  },
  {
    name: "an IPv4 packet from its own address",
    option: "ipspoofchk",
    frame: ({ mac, ipv4 }) => packet4(mac, ipv4),
  },
];

/** A frame of no protocol that anybody guards, to all: it tells that those before have gone. */
export const endFrame = ({ mac }: Cast) =>
  frame(broadcast, mac, etherType.experiment, [0x65, 0x6e, 0x64]);
