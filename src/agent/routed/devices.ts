/** The links that wrap packets: looked at, made, changed. Part of the kernel's edge. */
import {
  changedVxlanWords,
  isSameSegment,
  newVxlanWords,
  vxlanOf,
} from "../../engine/kinds/vxlan.ts";
import {
  changeLink,
  changeVxlan,
  createLink,
  deleteLink,
  type LinkTarget,
} from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { createTun } from "../../kernel/tap.ts";
import { prepareWay } from "../way-link.ts";
import type { Device } from "./entries.ts";
import type { TunDevice } from "./tun-device.ts";
import type { VxlanDevice } from "./vxlan-device.ts";

interface Place {
  readonly socket: NetlinkSocket;
  readonly netns: string;
  /** On links that are ours. */
  readonly alias: string;
}

export class Devices {
  readonly #place: Place;
  readonly #indexes = new Map<string, number>();
  /** By index: of those that were looked at, another part's among them. */
  readonly #names = new Map<number, string>();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Those of ours. Throws NetlinkError. */
  look(): readonly { readonly index: number; readonly device: Device }[] {
    const { socket, alias } = this.#place;
    const links = [
      ...listLinks(socket, { kind: "vxlan" }).map((link) => ({ link, device: deviceOf(link) })),
      ...listLinks(socket, { kind: "tun" }).map((link) => ({ link, device: tunOf(link) })),
    ].filter(({ link }) => link.alias === alias);
    this.#indexes.clear();
    this.#names.clear();
    for (const { link } of links) this.#note(link);
    return links.map(({ link: { index }, device }) => ({ index, device }));
  }

  /** Another part's link too, as far as it is there. Throws NetlinkError. */
  indexOf(name: string): number | undefined {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    return this.#find({ name })?.index;
  }

  /** Of one that was asked for, or is ours. */
  knownName(index: number): string | undefined {
    return this.#names.get(index);
  }

  /** Throws NetlinkError. */
  nameOf(index: number): string | undefined {
    return this.#names.get(index) ?? this.#find({ index })?.name;
  }

  forget(name: string): void {
    const index = this.#indexes.get(name);
    this.#indexes.delete(name);
    if (index !== undefined) this.#names.delete(index);
  }

  #find(target: LinkTarget): LinkInfo | undefined {
    const link = getLink(this.#place.socket, target);
    if (link) this.#note(link);
    return link;
  }

  #note({ name, index }: LinkInfo): void {
    this.#indexes.set(name, index);
    this.#names.set(index, name);
  }

  /**
   * `before` is what is there. Gives whether what stood on it is gone: the link is another one, or
   * has another hardware address. Throws NetlinkError, TapError, SysctlError.
   */
  set(device: Device, before: Device | undefined): boolean {
    const { name, mtu } = device;
    if (before && isAlterable(before, device)) {
      // With another hardware address, or the same once more, the kernel forgets all neighbours.
      const mac = macOf(before) === macOf(device) ? undefined : macOf(device);
      this.#place.socket.run([
        ...(device.type === "vxlan" ? [changeVxlan({ name }, changedVxlanWords(device))] : []),
        changeLink({ name }, { mtu, mac, up: true }),
      ]);
      return mac !== undefined;
    }
    if (before) this.#place.socket.run([deleteLink({ name })]);
    this.#create(device);
    return before !== undefined;
  }

  #create(device: Device): void {
    const { socket, netns, alias } = this.#place;
    const { name, mtu } = device;
    if (device.type === "vxlan") {
      const vxlan = newVxlanWords(device);
      socket.run([createLink({ kind: "vxlan", name, mac: device.mac, mtu, vxlan })]);
    } else createTun(netns, name);
    // It has no address of its own: none that the kernel makes either.
    const own = device.type === "tun" && { mtu, addrGenMode: "none" as const };
    socket.run([changeLink({ name }, { alias, ...own })]);
    prepareWay(netns, name);
    socket.run([changeLink({ name }, { up: true })]);
    this.#note(getLink(socket, { name })!);
  }
}

const macOf = (device: Device): string | undefined =>
  device.type === "vxlan" ? device.mac : undefined;

function isAlterable(before: Device, device: Device): boolean {
  if (before.type !== "vxlan" || device.type !== "vxlan") return before.type === device.type;
  return isSameSegment(before, device);
}

/** One that is down is none that anybody asks for. */
const deviceOf = (link: LinkInfo): VxlanDevice => ({
  ...{ kind: "device", type: "vxlan", name: link.name, mac: link.up ? link.mac : "" },
  ...{ mtu: link.mtu, ...vxlanOf(link) },
});

const tunOf = ({ name, mtu, up }: LinkInfo): TunDevice => ({
  ...{ kind: "device", type: "tun", name, mtu: up ? mtu : 0 },
});
