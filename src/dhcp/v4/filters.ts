/**
 * What a packet socket of DHCPv4 lets pass, as classic BPF. Each frame is cut to the length that it
 * tells of itself, so that a stream of them can be told apart (`splitFrames`).
 */

import type { FilterStep } from "../../kernel/sys/packet.ts";
import { ipToBytes } from "../../lib/ip.ts";
import {
  addConstant,
  assembled,
  drop,
  headerLengthToX,
  jump,
  load,
  pass,
  toMemory,
  xFromMemory,
  xToA,
} from "../filter.ts";
import { dhcpPorts, etherType } from "./frame.ts";

const ethernetBytes = 14;
const arpBytes = 28;
const udp = 17;
const fragmentBits = 0x3fff;
/** IPv4, UDP and DHCP's fixed part with its cookie. */
const smallestPacket = 20 + 8 + 240;

/** Datagrams to DHCP clients, whole. */
export function dhcpFilter(): readonly FilterStep[] {
  return assembled([
    [load.half, 0, 0, 12],
    [jump.equal, 0, drop, etherType.ipv4],
    [load.byte, 0, 0, 23],
    [jump.equal, 0, drop, udp],
    [load.half, 0, 0, 20],
    [jump.anyBit, drop, 0, fragmentBits],
    [headerLengthToX, 0, 0, ethernetBytes],
    [load.halfAtX, 0, 0, ethernetBytes + 2],
    [jump.equal, 0, drop, dhcpPorts.client],
    [load.half, 0, 0, 16], // the packet's own length
    [jump.atLeast, 0, drop, smallestPacket],
    [addConstant, 0, 0, ethernetBytes],
    [toMemory, 0, 0, 0],
    [xFromMemory, 0, 0, 0],
    [load.length, 0, 0, 0],
    // What tells of more than there is would swallow the next frame.
    [jump.atLeastX, 0, drop, 0],
    [xToA, 0, 0, 0],
    [pass.a, 0, 0, 0],
  ]);
}

/** ARP whose sender or target has the address. */
export function arpFilter(address: string): readonly FilterStep[] {
  const [a, b, c, d] = ipToBytes(address);
  const word = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
  return assembled([
    [load.half, 0, 0, 12],
    [jump.equal, 0, drop, etherType.arp],
    [load.word, 0, 0, 28],
    [jump.equal, 2, 0, word],
    [load.word, 0, 0, 38],
    [jump.equal, 0, drop, word],
    [pass.constant, 0, 0, ethernetBytes + arpBytes],
  ]);
}
