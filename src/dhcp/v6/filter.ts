/**
 * What a packet socket of DHCPv6 lets pass, as classic BPF: datagrams to clients, and what
 * neighbours say of addresses and routers. Each frame is cut to the length that it tells of itself,
 * so that a stream of them can be told apart.
 */
import type { FilterStep } from "../../kernel/sys/packet.ts";
import {
  addConstant,
  assembled,
  drop,
  jump,
  load,
  pass,
  toMemory,
  xFromMemory,
  xToA,
} from "../filter.ts";
import { dhcpPorts, ethernetBytes, etherType, ipBytes, protocols } from "./frame.ts";
import { icmpTypes } from "./neighbours.ts";

const at = {
  etherType: 12,
  length: ethernetBytes + 4,
  protocol: ethernetBytes + 6,
  icmpType: ethernetBytes + ipBytes,
  port: ethernetBytes + ipBytes + 2,
} as const;

/** From the advertisement of a router to that of a neighbour, the solicitation between them too. */
const [firstType, lastType] = [icmpTypes.routerAdvertisement, icmpTypes.advertisement];

export const clientFilter: readonly FilterStep[] = assembled([
  [load.half, 0, 0, at.etherType],
  [jump.equal, 0, drop, etherType],
  [load.byte, 0, 0, at.protocol],
  [jump.equal, 0, 2, protocols.udp],
  [load.half, 0, 0, at.port],
  [jump.equal, 4, drop, dhcpPorts.client],
  [jump.equal, 0, drop, protocols.icmp],
  [load.byte, 0, 0, at.icmpType],
  [jump.atLeast, 0, drop, firstType],
  [jump.atLeast, drop, 0, lastType + 1],
  [load.half, 0, 0, at.length],
  [addConstant, 0, 0, ethernetBytes + ipBytes],
  [toMemory, 0, 0, 0],
  [xFromMemory, 0, 0, 0],
  [load.length, 0, 0, 0],
  // What tells of more than there is would swallow the next frame.
  [jump.atLeastX, 0, drop, 0],
  [xToA, 0, 0, 0],
  [pass.a, 0, 0, 0],
]);
