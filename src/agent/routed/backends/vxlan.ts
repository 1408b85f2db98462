/** Packets wrapped in UDP, between devices that know each other beforehand. RFC 7348. */
import { parseIp } from "../../../lib/ip.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { overheadOf, vxlanLinkName, vxlanPort } from "../../../model/encapsulation.ts";
import type { Entry, RouteEntry } from "../entries.ts";
import type { Underlay } from "../view.ts";
import { deviceEnd, type VxlanDevice } from "../vxlan-device.ts";
import type { Backend, Way } from "./backend.ts";
import { neighbour } from "./host-gw.ts";

/** The outer traffic class is that of the packet inside. */
const inherit = 1;

type Here = Pick<Way, "network" | "host" | "underlay">;

export const vxlan: Backend = {
  base(here) {
    const { network, host } = here;
    const { vni } = network;
    if (vni === undefined) return { why: "its network has no VXLAN identifier yet" };
    const family = familyOf(here);
    const own = addressOf(here.underlay, family);
    if (!own) return { why: `this host has no IPv${family} address that others reach it by` };
    const { port = vxlanPort, ttl = 0, dscp } = network.spec.vxlan ?? {};
    const device: VxlanDevice = {
      ...{
        kind: "device",
        name: vxlanLinkName(vni),
        mac: deviceEnd(host, vni).mac,
        vni,
        port,
        ttl,
      },
      ...{ mtu: own.mtu - overheadOf(network.spec), local: own.address },
      tos: dscp === undefined ? inherit : dscp << 2,
    };
    return [device];
  },

  reach(way) {
    const { network, peer, prefixes } = way;
    const vni = network.vni!;
    const direct: RouteEntry[] = [];
    const wrapped: RouteEntry[] = [];
    const device = vxlanLinkName(vni);
    const { mac, address: gateway } = deviceEnd(peer, vni);
    for (const dst of prefixes) {
      const plain = network.spec.directRouting && neighbour(way, parsePrefix(dst).family);
      if (typeof plain === "string") {
        direct.push({ kind: "route", type: "unicast", dst, gateway: plain });
      } else wrapped.push({ kind: "route", type: "unicast", dst, gateway, device });
    }
    if (wrapped.length === 0) return direct;
    const family = familyOf(way);
    const theirs = addressOf(way.peerUnderlay, family);
    if (!theirs) return { why: `it has no IPv${family} address that others reach it by` };
    const known: Entry[] = [
      { kind: "fdb", device, mac, dst: theirs.address },
      { kind: "neigh", device, address: gateway, mac },
    ];
    return [...known, ...wrapped, ...direct];
  },
};

const familyOf = ({ network }: Here): 4 | 6 => (network.spec.underlayProtocol === "ipv6" ? 6 : 4);

const addressOf = (underlay: Underlay, family: 4 | 6) =>
  underlay.find(({ address }) => parseIp(address).family === family);
