/** The links that wrap packets: looked at, made, changed. Part of the kernel's edge. */
import { changeLink, createLink, deleteLink, type LinkTarget } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { readSysctl, writeSysctls } from "../../kernel/sysctl/sysctl.ts";
import { createTun } from "../../kernel/tap.ts";
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
      ...listLinks(socket, { kind: "vxlan" }).map((link) => ({ link, device: vxlanOf(link) })),
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
   * `before` is what is there. Gives whether the link is another one: what stood on the old one is
   * gone. Throws NetlinkError, TapError, SysctlError.
   */
  set(device: Device, before: Device | undefined): boolean {
    const { name, mtu } = device;
    const mac = device.type === "vxlan" ? device.mac : undefined;
    if (before && isSameTunnel(before, device)) {
      this.#place.socket.run([changeLink({ name }, { mac, mtu, up: true })]);
      return false;
    }
    if (before) this.#place.socket.run([deleteLink({ name })]);
    this.#create(device);
    return before !== undefined;
  }

  #create(device: Device): void {
    const { socket, netns, alias } = this.#place;
    const { name, mtu } = device;
    if (device.type === "vxlan") socket.run([newVxlan(device)]);
    else createTun(netns, name);
    // It has no address of its own: none that the kernel makes either.
    const own = device.type === "tun" && { mtu, addrGenMode: "none" as const };
    socket.run([changeLink({ name }, { alias, ...own })]);
    const ipv4 = `net/ipv4/conf/${name}`;
    const ipv6 = `net/ipv6/conf/${name}`;
    // While a network's way changes, packets may come by another one than answers go. 2, loose,
    // drops those too on a link that has no IPv4 address (fib_validate_source).
    const values = [{ path: `${ipv4}/rp_filter`, value: "0" }];
    if (readSysctl(netns, `${ipv6}/disable_ipv6`) !== undefined) {
      for (const key of ["disable_ipv6", "accept_ra", "accept_dad"]) {
        values.push({ path: `${ipv6}/${key}`, value: "0" });
      }
    }
    writeSysctls(netns, values);
    socket.run([changeLink({ name }, { up: true })]);
    this.#note(getLink(socket, { name })!);
  }
}

function newVxlan({ name, mac, mtu, vni, port, local, ttl, tos }: VxlanDevice) {
  const own = { id: vni, port, ttl, tos, learning: false };
  const source = local.includes(":") ? { local6: local } : { local };
  return createLink({ kind: "vxlan", name, mac, mtu, vxlan: { ...own, ...source } });
}

function isSameTunnel(a: Device, b: Device): boolean {
  if (a.type !== "vxlan" || b.type !== "vxlan") return a.type === b.type;
  const fields = ["vni", "port", "local", "ttl", "tos"] as const;
  return fields.every((field) => a[field] === b[field]);
}

/** One that is down is none that anybody asks for. */
function vxlanOf({ name, mac, mtu, up, vxlan = {} }: LinkInfo): VxlanDevice {
  const { id = 0, port = 0, local, local6, ttl = 0, tos = 0 } = vxlan;
  return {
    ...{ kind: "device", type: "vxlan", name, mac: up ? mac : "", mtu, vni: id, port, ttl, tos },
    local: local ?? local6 ?? "",
  };
}

const tunOf = ({ name, mtu, up }: LinkInfo): TunDevice => ({
  ...{ kind: "device", type: "tun", name, mtu: up ? mtu : 0 },
});
