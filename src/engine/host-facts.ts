/** What drivers ask about the host, looked up when asked and then remembered. */
import type { HostFacts, HostLink, LinkFacts } from "../drivers/driver.ts";
import type { HostDeviceConfig } from "../drivers/host-device-config.ts";
import { allowlistPath } from "../drivers/sysctl-allowlist-path.ts";
import { listAddresses } from "../kernel/netlink/address.ts";
import { listFdb } from "../kernel/netlink/fdb.ts";
import { getLink, listLinks } from "../kernel/netlink/link-info.ts";
import { getRoute, listRoutes } from "../kernel/netlink/route-info.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { listRules } from "../kernel/netlink/rule.ts";
import { existsSync, readFileSync } from "../kernel/sys/files.ts";
import { readSysctls } from "../kernel/sysctl/sysctl.ts";
import { type ChildLink, hostNetns, type LinkPlace } from "../model/kernel-object.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { findDevice } from "./find-device.ts";
import { foreignForward } from "./foreign-policy.ts";
import type { KernelSession } from "./kernel-session.ts";
import { macOf, sha512, sharedAlias, sharersOf } from "./names.ts";
import { inProcess, type Paths } from "./paths.ts";
import { listRecords } from "./record.ts";

/** Of multicast. */
const isGroup = (mac: string) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;

/** Kinds whose links may have the hardware address of the one that they stand on. */
const stacked: ReadonlySet<string> = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"]);

const defaultMtu = 1500;
const fromAdvertisement = 9;
const mainTable = 254;
const anywhere: ReadonlySet<string> = new Set(["0.0.0.0/0", "::/0"]);
/** Any global addresses: the rules and tables that would carry traffic to them are consulted. */
const farAway = ["1.1.1.1", "2606:4700::1"];

export class KernelFacts implements HostFacts {
  readonly #session: KernelSession;
  readonly #paths: Paths;
  #uplinkMtu: number | undefined;
  #raUplinks: readonly string[] | undefined;
  #ipv6: boolean | undefined;

  readonly instance: string;
  readonly sharedAlias: string;

  constructor({ session, paths }: Engine) {
    this.#session = session;
    this.#paths = paths;
    this.instance = paths.instance ?? inProcess;
    this.sharedAlias = sharedAlias(paths);
  }

  readonly macOf = macOf;
  readonly sha512 = sha512;
  readonly foreignForward = (families: readonly (4 | 6)[]) =>
    foreignForward(this.#session, families);

  get ipv6(): boolean {
    this.#ipv6 ??= existsSync("/proc/sys/net/ipv6");
    return this.#ipv6;
  }

  get uplinkMtu(): number {
    this.#uplinkMtu ??= this.#findUplinkMtu();
    return this.#uplinkMtu;
  }

  get raUplinks(): readonly string[] {
    this.#raUplinks ??= this.#findRaUplinks();
    return this.#raUplinks;
  }

  readonly link = ({ netns, name }: LinkPlace): LinkFacts | undefined => {
    const namespace = this.#session.namespace(netns);
    const found = namespace.findLink(name);
    if (!found) return undefined;
    const { index, mac, mtu, up, kind, promisc, allmulti, txQueueLength, bridgePort } = found;
    const master = found.master && getLink(namespace.socket, { index: found.master })?.name;
    const isOurs = sharersOf(found.alias).includes(this.instance);
    const settings = { isOurs, promisc, allmulti, txQueueLength, hairpin: bridgePort?.hairpin };
    return { index, mac, mtu, up, ...settings, ...(kind && { kind }), ...(master && { master }) };
  };

  readonly device = (config: HostDeviceConfig, id: string) =>
    findDevice({ session: this.#session, paths: this.#paths }, config, id);

  readonly vrfs = (netns: string) =>
    // A kernel without VRFs does not know what to filter by, and tells all links.
    listLinks(this.#session.namespace(netns).socket, { kind: "vrf" }).flatMap(
      ({ name, kind, data }) =>
        kind === "vrf"
          ? [{ name, table: (data as { table?: number } | undefined)?.table ?? 0 }]
          : [],
    );

  readonly tablesInUse = (netns: string): ReadonlySet<number> => {
    const { socket } = this.#session.namespace(netns);
    const ruled = listRules(socket).flatMap(({ table }) => table ?? []);
    return new Set([...ruled, ...listRoutes(socket).map(({ table }) => table)]);
  };

  readonly sysctl = (netns: string, path: string): string | undefined =>
    readSysctls(this.#session.namespace(netns).path, [path])[0];

  readonly sysctlAllowlist = (): string | undefined => {
    try {
      return readFileSync(allowlistPath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };

  readonly links = (netns: string): HostLink[] => {
    const { socket } = this.#session.namespace(netns);
    const all = listLinks(socket, {});
    const names = new Map(all.map(({ index, name }) => [index, name]));
    const addresses = Map.groupBy(listAddresses(socket, {}), ({ index }) => index);
    return all
      .filter(({ name }) => name !== "lo")
      .map(({ index, name, mac, kind = "", alias, master }) => {
        const own = (addresses.get(index) ?? []).map(({ address }) => address);
        return {
          ...{ name, mac, addresses: own.filter((address) => !address.startsWith("fe80:")) },
          ...(master !== undefined && { master: names.get(master) ?? `number ${master}` }),
          ...{ isStacked: stacked.has(kind), isOurs: sharersOf(alias).length > 0 },
        };
      });
  };

  readonly defaultLink = (netns: string): string | undefined => {
    const { socket } = this.#session.namespace(netns);
    for (const family of [addressFamily.inet, addressFamily.inet6]) {
      const routes = listRoutes(socket, { family, table: mainTable });
      const defaults = routes.filter(({ dst, oif }) => anywhere.has(dst) && oif !== undefined);
      defaults.sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
      const index = defaults[0]?.oif;
      const name = index && getLink(socket, { index })?.name;
      if (name) return name;
    }
    return undefined;
  };

  readonly addresses = ({ netns, name }: LinkPlace): string[] => {
    const namespace = this.#session.namespace(netns);
    const index = namespace.findLink(name)?.index;
    if (index === undefined) return [];
    const all = listAddresses(namespace.socket, { index }).map(({ address }) => address);
    return all.filter((address) => !address.startsWith("fe80:"));
  };

  readonly vlanLink = ({ netns, name }: LinkPlace, id: number) => {
    const namespace = this.#session.namespace(netns);
    const trunk = namespace.findLink(name)?.index;
    if (trunk === undefined) return undefined;
    // Its number may be that of another link in a namespace that the sub-interface came from.
    const found = listLinks(namespace.socket, { kind: "vlan" }).find(
      ({ link, linkNetnsId, vlan }) =>
        link === trunk &&
        linkNetnsId === undefined &&
        vlan?.id === id &&
        vlan.protocol === "802.1Q",
    );
    return found && { name: found.name, isOurs: sharersOf(found.alias).length > 0 };
  };

  readonly otherMacs = (place: LinkPlace): number => {
    const namespace = this.#session.namespace(place.netns);
    const link = namespace.findLink(place.name);
    if (!link) return 0;
    const own = listFdb(namespace.socket, { index: link.index }).filter(
      ({ index, self, mac }) => index === link.index && self && !isGroup(mac) && mac !== link.mac,
    );
    return new Set(own.map(({ mac }) => mac)).size;
  };

  readonly findChild = (parent: LinkPlace, condition: (link: ChildLink) => boolean) => {
    for (const record of listRecords(this.#paths)) {
      if (record.boot !== bootId()) continue;
      for (const object of record.objects) {
        if (object.kind !== "link" || !("parent" in object)) continue;
        const { netns, name } = object.parent;
        if (netns !== parent.netns || name !== parent.name || !condition(object)) continue;
        if (this.#session.isThere(object.netns) && this.link(object)) return object;
      }
    }
    return undefined;
  };

  #findUplinkMtu(): number {
    const { socket } = this.#session.namespace(hostNetns);
    for (const address of farAway) {
      const route = getRoute(socket, address);
      if (route?.oif === undefined) continue;
      return route.mtu ?? getLink(socket, { index: route.oif })?.mtu ?? defaultMtu;
    }
    return defaultMtu;
  }

  #findRaUplinks(): string[] {
    const { socket } = this.#session.namespace(hostNetns);
    const routes = listRoutes(socket, {
      family: addressFamily.inet6,
      protocol: fromAdvertisement,
    }).filter((route) => route.dst === "::/0");
    const indexes = new Set(routes.flatMap((route) => route.oif ?? []));
    return [...indexes].flatMap((index) => getLink(socket, { index })?.name ?? []);
  }
}
