/** Brings the host's routes, next hops and VXLAN devices to where they are to be. The thin edge. */
import { listFdb, removeFdbEntry, replaceFdbEntry } from "../../kernel/netlink/fdb.ts";
import { deleteLink } from "../../kernel/netlink/link.ts";
import type { Request } from "../../kernel/netlink/message.ts";
import { listNeighs, removeNeigh, replaceNeigh } from "../../kernel/netlink/neigh.ts";
import { removeRoute, replaceRoute } from "../../kernel/netlink/route.ts";
import { listRoutes, type RouteInfo } from "../../kernel/netlink/route-info.ts";
import { addressFamily, mainTable, netloomProtocol } from "../../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { routeMetric } from "../../model/route-metric.ts";
import { Devices } from "./devices.ts";
import {
  type Device,
  difference,
  type Entries,
  type KernelEntry as Entry,
  keyed,
  keyOf,
  type RouteEntry,
} from "./entries.ts";

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
const { routed: priority, fallback: fallbackPriority } = routeMetric;

export class RoutedKernel implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #devices: Devices;
  #applied = new Map<string, Entry>();

  /** `alias` is on devices that are ours. Throws SysError, NetnsError. */
  constructor(alias: string, netns: string = hostNetns) {
    this.#socket = new NetlinkSocket("route", netns);
    this.#devices = new Devices({ socket: this.#socket, netns, alias });
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** What is there, as far as is known. */
  get applied(): Entries<Entry> {
    return this.#applied;
  }

  /** Looks at everything of ours that is there. Throws NetlinkError. */
  look(): void {
    const onDevices = this.#devices
      .look()
      .flatMap(({ index, device }) => [device, ...this.#entriesOf(index, device)]);
    const filter = { protocol: netloomProtocol, table: mainTable };
    const routes = listRoutes(this.#socket, filter).flatMap((route) => this.#routeOf(route) ?? []);
    this.#applied = keyed([...onDevices, ...routes]);
  }

  #entriesOf(index: number, { type, name: device }: Device): Entry[] {
    if (type !== "vxlan") return [];
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

  /** Undefined: it is another part's. */
  #routeOf({ dst, type, gateway, oif, priority: own }: RouteInfo): RouteEntry | undefined {
    if (own === fallbackPriority && type === "unreachable") {
      return { kind: "route", dst, type, isFallback: true };
    }
    if (own !== priority) return undefined;
    if (type === "blackhole" || type === "unreachable") return { kind: "route", dst, type };
    if (type !== "unicast") return undefined;
    if (gateway === undefined) {
      const device = oif === undefined ? undefined : this.#devices.nameOf(oif);
      return device === undefined ? undefined : { kind: "route", dst, type, device };
    }
    // A plain route's link follows from its gateway.
    const device = oif === undefined ? undefined : this.#devices.knownName(oif);
    return { kind: "route", dst, type, gateway, ...(device !== undefined && { device }) };
  }

  /** `mayRemove`: what is not desired goes. Throws NetlinkError where the kernel is not heard. */
  bring(desired: Entries<Entry>, mayRemove: boolean): Brought {
    const failures: string[] = [];
    let found = difference(this.#applied, desired);
    const devices = found.set.filter(({ entry }) => entry.kind === "device");
    for (const { entry, before } of devices) {
      try {
        this.#setDevice(entry as Device, before as Device | undefined);
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
    this.#devices.forget(entry.name);
    for (const [key, other] of this.#applied) {
      if ("device" in other && other.device === entry.name) this.#applied.delete(key);
    }
  }

  #setDevice(device: Device, before: Device | undefined): void {
    if (this.#devices.set(device, before)) this.#forget(before!);
    this.#applied.set(keyOf(device), device);
  }

  #writes(entry: Entry, before: Entry | undefined): Item[] {
    if (entry.kind === "route") return this.#writesOfRoute(entry, before as RouteEntry | undefined);
    if (entry.kind === "device") return [];
    const index = this.#devices.indexOf(entry.device);
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
      const own = priorityOf(entry);
      const write: Item = { entry, request: replaceRoute({ dst, type, priority: own }) };
      return [write, ...this.#leftovers(entry, before)];
    }
    const oif = entry.device === undefined ? undefined : this.#devices.indexOf(entry.device);
    if (entry.device !== undefined && oif === undefined) {
      // Without its device nothing may leave by the default route.
      if (before) return [];
      return this.#writesOfRoute({ kind: "route", type: "unreachable", dst }, undefined);
    }
    const request = replaceRoute({ dst, gateway: entry.gateway, oif, priority });
    return [{ entry, request }, ...this.#leftovers(entry, before)];
  }

  #leftovers(entry: RouteEntry, before: RouteEntry | undefined): Item[] {
    if (!before || !entry.dst.includes(":") || sortOf(before) === sortOf(entry)) return [];
    return this.#removalOf(before).map((request) => ({ entry, request }));
  }

  #removals(entry: Entry): Item[] {
    if (entry.kind === "route") {
      return this.#removalOf(entry).map((request) => ({ entry, request }));
    }
    if (entry.kind === "device") return [{ entry, request: deleteLink({ name: entry.name }) }];
    const index = this.#devices.indexOf(entry.device);
    if (index === undefined) return [];
    if (entry.kind === "neigh") {
      return [{ entry, request: removeNeigh({ index, dst: entry.address }) }];
    }
    const { mac, dst } = entry;
    return [{ entry, request: removeFdbEntry({ index, mac, dst, table: "self" }) }];
  }

  /** None: it went with its device. */
  #removalOf(route: RouteEntry): Request[] {
    const { dst, type, gateway } = route;
    const ours = { dst, priority: priorityOf(route), protocol: netloomProtocol };
    if (gateway !== undefined) return [removeRoute({ ...ours, gateway })];
    // IPv6 tells routes apart by their links and gateways, not by their types.
    if (type === "unicast") {
      const oif = this.#devices.indexOf(route.device);
      return oif === undefined ? [] : [removeRoute({ ...ours, oif })];
    }
    return [removeRoute({ ...ours, type, ...(dst.includes(":") && { oif: loopback }) })];
  }
}

const priorityOf = ({ isFallback }: RouteEntry): number =>
  isFallback ? fallbackPriority : priority;

/** IPv6 replaces a route by one of its own sort only, and else has both. */
const sortOf = (route: RouteEntry): string =>
  route.type !== "unicast" ? "none" : route.gateway === undefined ? route.device : "gateway";
