/** Looks up what exists under the keys of given objects, in the planner's own type. */
import { type AddressInfo, listAddresses } from "../kernel/netlink/address.ts";
import { expandVlans, listBridgeVlans } from "../kernel/netlink/bridge-vlan.ts";
import type { LinkInfo } from "../kernel/netlink/link-info.ts";
import { linkFlag } from "../kernel/netlink/link-table.ts";
import { linksOfRoute, listRoutes, type RouteInfo } from "../kernel/netlink/route-info.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { readSysctls } from "../kernel/sysctl/sysctl.ts";
import type {
  AddressObject,
  BridgeLink,
  ExistingLink,
  KernelObject,
  KernelObjectKind,
  LinkObject,
  LoneLink,
  NftElementObject,
  ObjectOf,
  RouteObject,
  SysctlObject,
  VethLink,
  VxlanLink,
} from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";
import { observeLinkSettings } from "./kinds/link-settings.ts";
import { observeNeighs } from "./kinds/neigh.ts";
import { vxlanOf } from "./kinds/vxlan.ts";

type Placed = Omit<ExistingLink, "type">;
type Observer<K extends KernelObjectKind> = (
  session: KernelSession,
  objects: readonly ObjectOf<K>[],
) => KernelObject[];

const observers: { [K in KernelObjectKind]: Observer<K> } = {
  link: observeLinks,
  address: observeAddresses,
  route: observeRoutes,
  sysctl: observeSysctls,
  "link-settings": observeLinkSettings,
  device: (session, devices) => session.devices.observeDevices(session, devices),
  "vrf-port": (session, ports) => session.vrfPorts.observeVrfPorts(session, ports),
  rule: (session, rules) => session.rules.observeRules(session, rules),
  "foreign-accept": (session, objects) =>
    session.foreignAccepts.observeForeignAccepts(session, objects),
  qdisc: (session, qdiscs) => session.traffic.observeQdiscs(session, qdiscs),
  filter: (session, filters) => session.traffic.observeFilters(session, filters),
  "nft-chain": (session, chains) => chains.filter((chain) => session.nft.intactChains([chain])),
  neigh: observeNeighs,
  "nft-skeleton": (session, objects) => (session.nft.intact(session.skeleton) ? [...objects] : []),
  "nft-element": observeElements,
  uplink: (session, uplinks) => session.uplinks.observeUplinks(session, uplinks),
  "link-guard": (session, guards) => session.guards.observeGuards(session, guards),
};

/** What exists of `objects`, with the owner's scope and life as they are given. */
export function observe(session: KernelSession, objects: readonly KernelObject[]): KernelObject[] {
  const kinds = new Set(objects.map((object) => object.kind));
  return [...kinds].flatMap((kind) =>
    observers[kind](session, objects.filter((object) => object.kind === kind) as never),
  );
}

function observeLinks(session: KernelSession, links: readonly LinkObject[]): LinkObject[] {
  const vlans = perNamespace(session, listBridgeVlans);
  return links.flatMap((link) => observeLink(session, link, vlans) ?? []);
}

type Vlans = (netns: string) => ReturnType<typeof listBridgeVlans>;

function observeLink(
  session: KernelSession,
  wanted: LinkObject,
  vlans: Vlans,
): LinkObject | undefined {
  const namespace = session.namespace(wanted.netns);
  const found = namespace.findLink(wanted.name);
  if (!found) return undefined;
  const { name, mac, mtu, up, promisc, alias, flags } = found;
  const { netns, scope, life, kind } = wanted;
  const placed: Placed = {
    ...{ kind, netns, scope, life, name, mac, mtu, up, promisc, alias },
    noarp: (flags & linkFlag.noarp) !== 0,
    master: masterOf(session, wanted, found),
    bridgePort: found.bridgePort,
    // The kernel tells of VLANs only when asked for them.
    vlans: wanted.vlans && expandVlans(vlans(wanted.netns).get(found.index) ?? []),
  };
  if (wanted.type === "bridge") {
    if (found.kind !== "bridge") return { ...placed, type: "existing" };
    return { ...placed, type: "bridge", vlanFiltering: found.bridge?.vlanFiltering };
  }
  if (wanted.type === "existing" || found.kind !== wanted.type) {
    return { ...placed, type: "existing" };
  }
  if (wanted.type === "vxlan") {
    return { ...placed, type: "vxlan", underlay: wanted.underlay, vxlan: vxlanOf(found) };
  }
  if (wanted.type !== "veth") return observeSingle(session, wanted, { ...placed, found });
  const peer = session.namespace(wanted.peer.netns).findLink(wanted.peer.name);
  const end = {
    netns: wanted.peer.netns,
    name: peer && isPeer(found, peer) ? peer.name : "",
    mac: peer?.mac,
    mtu: peer?.mtu,
    up: peer?.up ?? false,
  };
  return { ...placed, type: "veth", peer: end };
}

/** A link with one end. What its kind's codec does not read is taken to be as wanted. */
function observeSingle(
  session: KernelSession,
  wanted: Exclude<LinkObject, BridgeLink | VethLink | VxlanLink | ExistingLink>,
  { found, ...placed }: Placed & { readonly found: LinkInfo },
): LinkObject {
  if (wanted.type === "tun") {
    return { ...placed, type: "tun", tun: { ...wanted.tun, ...(found.data as object) } };
  }
  if (!("parent" in wanted)) {
    const vrf = wanted.vrf && { ...wanted.vrf, ...(found.data as LoneLink["vrf"]) };
    return { ...placed, type: wanted.type, vrf };
  }
  const parent = session.namespace(wanted.parent.netns).findLink(wanted.parent.name);
  const settings = { ...wanted[wanted.type], ...(found.data as object | undefined) };
  const name = isParent(parent, found) ? wanted.parent.name : `link ${found.link}`;
  return {
    ...placed,
    type: wanted.type,
    parent: { ...wanted.parent, name },
    [wanted.type]: settings,
  };
}

/** A macvlan on a macvlan stands on that one's own parent, by the kernel's doing. */
function isParent(parent: LinkInfo | undefined, { link, kind }: LinkInfo): boolean {
  return (
    parent?.index === link || (kind === "macvlan" && parent?.kind === kind && parent.link === link)
  );
}

/** What is asked for a whole namespace, once and only if it is needed. */
function perNamespace<T>(
  session: KernelSession,
  ask: (socket: NetlinkSocket) => T,
): (netns: string) => T {
  const known = new Map<string, T>();
  return (netns) => {
    if (!known.has(netns)) known.set(netns, ask(session.namespace(netns).socket));
    return known.get(netns)!;
  };
}

/** From so many links on everything in their namespace is asked for at once. */
const manyLinks = 4;

/** Asks what is on a link: the kernel, or where many are asked for, what it said of all. */
function onLink<T>(
  session: KernelSession,
  groups: readonly { readonly netns: string }[],
  ask: (socket: NetlinkSocket, index?: number) => T[],
  linksOf: (item: T) => readonly number[],
): (netns: string, index: number) => readonly T[] {
  const all = perNamespace(session, (socket) => {
    const byIndex = new Map<number, T[]>();
    for (const item of ask(socket)) {
      for (const index of linksOf(item)) {
        const items = byIndex.get(index);
        if (items) items.push(item);
        else byIndex.set(index, [item]);
      }
    }
    return byIndex;
  });
  const counts = new Map<string, number>();
  for (const { netns } of groups) counts.set(netns, (counts.get(netns) ?? 0) + 1);
  return (netns, index) =>
    counts.get(netns)! < manyLinks
      ? ask(session.namespace(netns).socket, index)
      : (all(netns).get(index) ?? []);
}

/** A veth's two ends name each other by index; namespaces apart, indexes may be equal by chance. */
function isPeer(a: LinkInfo, b: LinkInfo): boolean {
  return a.link === b.index && b.link === a.index;
}

function masterOf(session: KernelSession, wanted: LinkObject, found: LinkInfo): string | undefined {
  if (found.master === undefined || wanted.master === undefined) return undefined;
  const master = session.namespace(wanted.netns).findLink(wanted.master);
  return master?.index === found.master ? wanted.master : `link ${found.master}`;
}

/** Objects by the link that they are on, for links that exist. */
function byLink<T extends AddressObject | RouteObject>(
  session: KernelSession,
  objects: readonly T[],
): { index: number; link: string; netns: string; objects: T[] }[] {
  const groups = new Map<string, T[]>();
  for (const object of objects) {
    const name = `${object.netns}\0${object.link}`;
    groups.set(name, [...(groups.get(name) ?? []), object]);
  }
  return [...groups.values()].flatMap((group) => {
    const { netns, link } = group[0]!;
    const index = session.namespace(netns).findLink(link)?.index;
    return index === undefined ? [] : [{ index, link, netns, objects: group }];
  });
}

/** All addresses of the links concerned, so that a caller sees those that stand in the way too. */
function observeAddresses(
  session: KernelSession,
  addresses: readonly AddressObject[],
): AddressObject[] {
  const groups = byLink(session, addresses);
  const list = onLink(
    session,
    groups,
    (socket, index) => listAddresses(socket, { index }),
    ({ index }) => [index],
  );
  return groups.flatMap(({ index, link, netns, objects }) => {
    const { scope } = objects[0]!;
    return list(netns, index).flatMap((info): AddressObject[] => {
      const { address } = info;
      const wanted = objects.find((object) => object.address === address);
      // How it was added does not show any more.
      if (wanted) return [wanted];
      // One that nobody wants is not ours to delete.
      const found = { kind: "address", netns, link, address, scope, life: "shared" } as const;
      return isConfigured(info) ? [found] : [];
    });
  });
}

/** Not the link-local address that the kernel makes by itself. */
function isConfigured(info: AddressInfo): boolean {
  return !info.address.startsWith("fe80:");
}

function observeRoutes(session: KernelSession, routes: readonly RouteObject[]): RouteObject[] {
  const groups = byLink(session, routes);
  const list = onLink(session, groups, (socket, oif) => listRoutes(socket, { oif }), linksOfRoute);
  return groups.flatMap(({ index, netns, objects }) => {
    const found = list(netns, index);
    return objects.flatMap((wanted) => {
      const route = found.find((candidate) => isRoute(wanted, candidate));
      if (!route) return [];
      const { gateway, onlink, source, mtu, advmss, scopeId } = route;
      // IPv6 has no scopes; the kernel answers 0 for all.
      const scope = wanted.dst.includes(":") ? wanted.scopeId : scopeId;
      return [{ ...wanted, gateway, onlink, source, mtu, advmss, scopeId: scope }];
    });
  });
}

function isRoute(wanted: RouteObject, found: RouteInfo): boolean {
  return (
    found.dst === wanted.dst &&
    found.table === (wanted.table ?? 254) &&
    (wanted.priority === undefined || (found.priority ?? 0) === wanted.priority)
  );
}

function observeSysctls(session: KernelSession, sysctls: readonly SysctlObject[]): SysctlObject[] {
  return [...new Set(sysctls.map((sysctl) => sysctl.netns))].flatMap((netns) => {
    const inside = sysctls.filter((sysctl) => sysctl.netns === netns);
    const values = readSysctls(
      session.namespace(netns).path,
      inside.map(({ path }) => path),
    );
    return inside.flatMap((wanted, i) => {
      const value = values[i];
      if (value === undefined) return [];
      return [
        { ...wanted, value: inWords(value) === inWords(wanted.value) ? wanted.value : value },
      ];
    });
  });
}

/** The kernel prints several numbers with tabs between them, and takes any white space. */
function inWords(value: string): string {
  return value.trim().split(/\s+/).join(" ");
}

function observeElements(
  session: KernelSession,
  elements: readonly NftElementObject[],
): NftElementObject[] {
  const found = session.nft.find(elements);
  return elements.flatMap((wanted, i) => (found[i] ? [{ ...wanted, ...found[i] }] : []));
}
