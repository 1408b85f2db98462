/** Packets wrapped in UDP, between devices that know each other beforehand. RFC 7348. */
import { familyIn } from "../../../lib/ip.ts";
import { overheadOf, vxlanLinkName, vxlanPort } from "../../../model/encapsulation.ts";
import type { Entry, RouteEntry } from "../entries.ts";
import { deviceEnd, type VxlanDevice } from "../vxlan-device.ts";
import type { Backend } from "./backend.ts";
import { neighbour } from "./host-gw.ts";
import { outerEnd } from "./outer-end.ts";

export const vxlan: Backend = {
  base(here) {
    const { network, host } = here;
    const { vni } = network;
    if (vni === undefined) return { why: "its network has no VXLAN identifier yet" };
    const own = outerEnd(network, here.underlay, "this host");
    if ("why" in own) return own;
    const { port = vxlanPort, ttl = 0, dscp = "inherit" } = network.spec.vxlan ?? {};
    const device: VxlanDevice = {
      ...{ kind: "device", type: "vxlan", name: vxlanLinkName(vni) },
      ...{ mac: deviceEnd(host, vni).mac, mtu: own.mtu - overheadOf(network.spec) },
      ...{ id: vni, port, local: own.address, ttl, dscp },
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
      const plain = network.spec.directRouting && neighbour(way, familyIn(dst));
      if (typeof plain === "string") {
        direct.push({ kind: "route", type: "unicast", dst, gateway: plain });
      } else wrapped.push({ kind: "route", type: "unicast", dst, gateway, device });
    }
    if (wrapped.length === 0) return direct;
    const theirs = outerEnd(network, way.peerUnderlay);
    if ("why" in theirs) return theirs;
    const known: Entry[] = [
      { kind: "fdb", device, mac, dst: theirs.address },
      { kind: "neigh", device, address: gateway, mac },
    ];
    return [...known, ...wrapped, ...direct];
  },
};
