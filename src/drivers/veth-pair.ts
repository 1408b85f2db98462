/** The link between a container and its host. */
import { hostNetns, type VethLink } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";

/** A port's own pair: the host's end up at once, the container's once its addresses are on it. */
export function vethPair(port: Port, mtu: number): VethLink {
  return {
    netns: hostNetns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "veth",
    name: port.hostLink,
    mac: port.hostMac,
    mtu,
    alias: port.alias,
    up: true,
    peer: { netns: port.netns, name: port.ifName, mac: port.mac, mtu, up: true },
  };
}
