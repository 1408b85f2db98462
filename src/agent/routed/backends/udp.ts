/** Packets in UDP datagrams, which a process of the host sends: for fabrics that pass no other. */
import { tunnelMtu } from "../../../tunnel/router.ts";
import type { Entry } from "../entries.ts";
import { tunName } from "../tun-device.ts";
import { single } from "../view.ts";
import type { Backend } from "./backend.ts";
import { outerEnd, outerFamily } from "./outer-end.ts";

export const udp: Backend = {
  base({ network, underlay }) {
    const own = outerEnd(network, underlay, "this host");
    if ("why" in own) return own;
    const family = outerFamily(network);
    const name = tunName(family);
    return [
      { kind: "device", type: "tun", name, mtu: tunnelMtu(own.mtu, family) },
      { kind: "tunnel", device: name, local: own.address },
    ];
  },

  reach({ network, prefixes, peerUnderlay }) {
    const theirs = outerEnd(network, peerUnderlay);
    if ("why" in theirs) return theirs;
    const device = tunName(outerFamily(network));
    const { address: endpoint } = theirs;
    // What the host itself sends comes from its own addresses.
    const behind = [...prefixes, ...peerUnderlay.map(({ address }) => single(address))];
    return [
      ...behind.map((dst): Entry => ({ kind: "peer", device, dst, endpoint })),
      ...prefixes.map((dst): Entry => ({ kind: "route", type: "unicast", dst, device })),
    ];
  },
};
