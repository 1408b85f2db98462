/** Brings the host's routes, next hops and VXLAN devices to where they are to be. The thin edge. */
import { listFdb, removeFdbEntry, replaceFdbEntry } from "../../kernel/netlink/fdb.ts";
import { changeLink, createLink, deleteLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import type { Request } from "../../kernel/netlink/message.ts";
import { listNeighs, removeNeigh, replaceNeigh } from "../../kernel/netlink/neigh.ts";
import { removeRoute, replaceRoute } from "../../kernel/netlink/route.ts";
import { listRoutes, type RouteInfo } from "../../kernel/netlink/route-info.ts";
import { addressFamily, mainTable, netloomProtocol } from "../../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { readSysctl, writeSysctls } from "../../kernel/sysctl/sysctl.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { difference, type Entries, type Entry, keyed, keyOf, type RouteEntry } from "./entries.ts";
import type { VxlanDevice } from "./vxlan-device.ts";

/** A request, and the entry that it is for. */
interface Item {
  readonly request: Request;
  readonly entry: Entry;
}

export interface Brought {
  readonly set: number;
  readonly gone: number;
  /** What the kernel refused: it is tried again. */
  readonly failures: readonly string[];
}

/** Routes without a device of their own have `lo`. */
const loopback = 1;
/** By it they are known from routes of containers, which no other host has a part in. */
const priority = 10800;

export class RoutedKernel implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #netns: string;
  readonly #alias: string;
  #applied = new Map<string, Entry>();
  readonly #indexes = new Map<string, number>();

  /** `alias` is on devices that are ours. Throws SysError, NetnsError. */
  constructor(alias: string, netns: string = hostNetns) {
    this.#socket = new NetlinkSocket("route", netns);
    this.#netns = netns;
    this.#alias = alias;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** What is there, as far as is known. */
  get applied(): Entries {
    return this.#applied;
  }

  /** Looks at everything of ours that is there. Throws NetlinkError. */
  look(): void {
    const links = listLinks(this.#socket, { kind: "vxlan" }).filter(
      ({ alias }) => alias === this.#alias,
    );
    this.#indexes.clear();
    for (const { name, index } of links) this.#indexes.set(name, index);
    const names = new Map(links.map(({ name, index }) => [index, name]));
    const onDevices = links.flatMap((link) => [deviceOf(link), ...this.#entriesOf(link)]);
    const filter = { protocol: netloomProtocol, table: mainTable };
    const routes = listRoutes(this.#socket, filter).flatMap((route) => routeOf(route, names) ?? []);
    this.#applied = keyed([...onDevices, ...routes]);
  }

  #entriesOf({ name: device, index }: LinkInfo): Entry[] {
    const fdb = listFdb(this.#socket, { index }).flatMap(({ self, mac, dst }): Entry[] =>
      self && dst !== undefined ? [{ kind: "fdb", device, mac, dst }] : [],
    );
    const neighs = listNeighs(this.#socket, { index, family: addressFamily.inet6 }).flatMap(
      ({ dst, mac, state }): Entry[] =>
        state === "permanent" && mac !== undefined
          ? [{ kind: "neigh", device, address: dst, mac }]
          : [],
    );
    return [...fdb, ...neighs];
  }

  /** `mayRemove`: what is not desired goes. Throws NetlinkError where the kernel is not heard. */
  bring(desired: Entries, mayRemove: boolean): Brought {
    const failures: string[] = [];
    let found = difference(this.#applied, desired);
    const devices = found.set.filter(({ entry }) => entry.kind === "device");
    for (const { entry, before } of devices) {
      try {
        this.#setDevice(entry as VxlanDevice, before as VxlanDevice | undefined);
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    // What stood on a device that was made anew went with the old one.
    if (devices.length > 0) found = difference(this.#applied, desired);
    const { set, gone } = found;
    const rest = set.filter(({ entry }) => entry.kind !== "device");
    const writes = rest.flatMap(({ entry, before }) => this.#writes(entry, before));
    failures.push(...this.#send(writes, (entry) => this.#applied.set(keyOf(entry), entry)));
    if (!mayRemove) return { set: set.length + devices.length, gone: 0, failures };
    // What could not be set may still go by a device that is to go.
    const isSafe = failures.length === 0;
    const going = isSafe ? gone : gone.filter(({ kind }) => kind !== "device");
    const removals = going.flatMap((entry) => this.#removals(entry));
    failures.push(...this.#send(removals, (entry) => this.#forget(entry)));
    return { set: set.length + devices.length, gone: going.length, failures };
  }

  /** In as few datagrams as can be. Gives what was refused. */
  #send(items: readonly Item[], done: (entry: Entry) => void): string[] {
    const outcomes = this.#socket.batch(items.map(({ request }) => request));
    const failed = new Map<Entry, string>();
    for (const [i, { error }] of outcomes.entries()) {
      if (error) failed.set(items[i]!.entry, error.message);
    }
    for (const { entry } of items) if (!failed.has(entry)) done(entry);
    return [...failed.values()];
  }

  #forget(entry: Entry): void {
    this.#applied.delete(keyOf(entry));
    if (entry.kind !== "device") return;
    this.#indexes.delete(entry.name);
    for (const [key, other] of this.#applied) {
      if ("device" in other && other.device === entry.name) this.#applied.delete(key);
    }
  }

  #setDevice(device: VxlanDevice, before: VxlanDevice | undefined): void {
    const { name, mac, mtu } = device;
    if (before && isSameTunnel(before, device)) {
      this.#socket.run([changeLink({ name }, { mac, mtu, up: true })]);
    } else {
      if (before) {
        this.#socket.run([deleteLink({ name })]);
        this.#forget(before);
      }
      this.#create(device);
    }
    this.#applied.set(keyOf(device), device);
  }

  #create({ name, mac, mtu, vni, port, local, ttl, tos }: VxlanDevice): void {
    const own = { id: vni, port, ttl, tos, learning: false };
    const source = local.includes(":") ? { local6: local } : { local };
    this.#socket.run([createLink({ kind: "vxlan", name, mac, mtu, vxlan: { ...own, ...source } })]);
    this.#socket.run([changeLink({ name }, { alias: this.#alias })]);
    const ipv4 = `net/ipv4/conf/${name}`;
    const ipv6 = `net/ipv6/conf/${name}`;
    // While a network's way changes, packets may come by another one than answers go. 2, loose,
    // drops those too on a link that has no IPv4 address (fib_validate_source).
    const values = [{ path: `${ipv4}/rp_filter`, value: "0" }];
    if (readSysctl(this.#netns, `${ipv6}/disable_ipv6`) !== undefined) {
      for (const key of ["disable_ipv6", "accept_ra", "accept_dad"]) {
        values.push({ path: `${ipv6}/${key}`, value: "0" });
      }
    }
    writeSysctls(this.#netns, values);
    this.#socket.run([changeLink({ name }, { up: true })]);
    this.#indexes.set(name, getLink(this.#socket, { name })!.index);
  }

  #writes(entry: Entry, before: Entry | undefined): Item[] {
    if (entry.kind === "route") return this.#writesOfRoute(entry, before as RouteEntry | undefined);
    if (entry.kind === "device") return [];
    const index = this.#indexes.get(entry.device);
    if (index === undefined) return [];
    if (entry.kind === "neigh") {
      return [{ entry, request: replaceNeigh({ index, dst: entry.address, mac: entry.mac }) }];
    }
    const { mac, dst } = entry;
    return [{ entry, request: replaceFdbEntry({ index, mac, dst, table: "self" }) }];
  }

  #writesOfRoute(entry: RouteEntry, before: RouteEntry | undefined): Item[] {
    const { dst, type } = entry;
    if (type !== "unicast") {
      const write: Item = { entry, request: replaceRoute({ dst, type, priority }) };
      return [write, ...leftovers(entry, before)];
    }
    const oif = entry.device === undefined ? undefined : this.#indexes.get(entry.device);
    if (entry.device !== undefined && oif === undefined) return [];
    const request = replaceRoute({ dst, gateway: entry.gateway, oif, priority });
    return [{ entry, request }, ...leftovers(entry, before)];
  }

  #removals(entry: Entry): Item[] {
    if (entry.kind === "route") return [{ entry, request: removalOf(entry) }];
    if (entry.kind === "device") return [{ entry, request: deleteLink({ name: entry.name }) }];
    const index = this.#indexes.get(entry.device);
    if (index === undefined) return [];
    if (entry.kind === "neigh") {
      return [{ entry, request: removeNeigh({ index, dst: entry.address }) }];
    }
    const { mac, dst } = entry;
    return [{ entry, request: removeFdbEntry({ index, mac, dst, table: "self" }) }];
  }
}

function removalOf(route: RouteEntry): Request {
  const { dst } = route;
  const ours = { dst, priority, protocol: netloomProtocol };
  if (route.type === "unicast") return removeRoute({ ...ours, gateway: route.gateway });
  // IPv6 tells routes apart by their links and gateways, not by their types.
  return removeRoute({ ...ours, type: route.type, ...(dst.includes(":") && { oif: loopback }) });
}

/** IPv6 replaces a route by one of its own sort only, and else has both. */
function leftovers(entry: RouteEntry, before: RouteEntry | undefined): Item[] {
  if (!before || !entry.dst.includes(":")) return [];
  if ((before.type === "unicast") === (entry.type === "unicast")) return [];
  return [{ entry, request: removalOf(before) }];
}

function isSameTunnel(a: VxlanDevice, b: VxlanDevice): boolean {
  const fields = ["vni", "port", "local", "ttl", "tos"] as const;
  return fields.every((field) => a[field] === b[field]);
}

/** One that is down is none that anybody asks for. */
function deviceOf({ name, mac, mtu, up, vxlan = {} }: LinkInfo): VxlanDevice {
  const { id = 0, port = 0, local, local6, ttl = 0, tos = 0 } = vxlan;
  return {
    ...{ kind: "device", name, mac: up ? mac : "", mtu, vni: id, port, ttl, tos },
    local: local ?? local6 ?? "",
  };
}

/** Undefined: it is another part's. */
function routeOf(route: RouteInfo, devices: ReadonlyMap<number, string>): RouteEntry | undefined {
  const { dst, type, gateway, oif } = route;
  if (route.priority !== priority) return undefined;
  if (type === "blackhole" || type === "unreachable") return { kind: "route", dst, type };
  if (type !== "unicast" || gateway === undefined) return undefined;
  const device = oif === undefined ? undefined : devices.get(oif);
  return { kind: "route", dst, type, gateway, ...(device !== undefined && { device }) };
}
