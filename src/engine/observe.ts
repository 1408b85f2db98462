/** Looks up what exists under the keys of given objects, in the planner's own type. */
import { type AddressInfo, listAddresses } from "../kernel/netlink/address.ts";
import { expandVlans, listBridgeVlans } from "../kernel/netlink/bridge-vlan.ts";
import type { LinkInfo } from "../kernel/netlink/link-info.ts";
import { listRoutes, type RouteInfo } from "../kernel/netlink/route-info.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { readSysctls } from "../kernel/sysctl/sysctl.ts";
import type {
  AddressObject,
  BridgeVlan,
  KernelObject,
  KernelObjectKind,
  LinkObject,
  NftElementObject,
  ObjectOf,
  RouteObject,
  SysctlObject,
} from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

type Observer<K extends KernelObjectKind> = (
  session: KernelSession,
  objects: readonly ObjectOf<K>[],
) => KernelObject[];

const observers: { [K in KernelObjectKind]: Observer<K> } = {
  link: (session, links) => links.flatMap((link) => observeLink(session, link) ?? []),
  address: observeAddresses,
  route: observeRoutes,
  sysctl: observeSysctls,
  "nft-chain": (session, chains) => chains.filter((chain) => session.nft.intactChains([chain])),
  "nft-element": observeElements,
};

/** What exists of `objects`, with the owner's scope and life as they are given. */
export function observe(session: KernelSession, objects: readonly KernelObject[]): KernelObject[] {
  const kinds = new Set(objects.map((object) => object.kind));
  return [...kinds].flatMap((kind) =>
    observers[kind](session, objects.filter((object) => object.kind === kind) as never),
  );
}

function observeLink(session: KernelSession, wanted: LinkObject): LinkObject | undefined {
  const namespace = session.namespace(wanted.netns);
  const found = namespace.findLink(wanted.name);
  if (!found) return undefined;
  const { name, mac, mtu, up, promisc, alias } = found;
  const { netns, scope, life, kind } = wanted;
  const placed = {
    ...({ kind, netns, scope, life, name, mac, mtu, up, promisc, alias } as const),
    master: masterOf(session, wanted, found),
    bridgePort: found.bridgePort,
    // The kernel tells of VLANs only when asked for them.
    vlans: wanted.vlans && vlansOf(namespace.socket, found.index),
  };
  if (wanted.type === "bridge") {
    if (found.kind !== "bridge") return { ...placed, type: "existing" };
    return { ...placed, type: "bridge", vlanFiltering: found.bridge?.vlanFiltering };
  }
  if (wanted.type === "existing") return { ...placed, type: "existing" };
  if (found.kind !== "veth") return { ...placed, type: "existing" };
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

/** A port's VLANs one by one, ascending. */
function vlansOf(socket: NetlinkSocket, index: number): BridgeVlan[] {
  return expandVlans(listBridgeVlans(socket).get(index) ?? []);
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
  return byLink(session, addresses).flatMap(({ index, link, netns, objects }) => {
    const { scope } = objects[0]!;
    return listAddresses(session.namespace(netns).socket, { index })
      .filter(isConfigured)
      .map(({ address }): AddressObject => {
        const wanted = objects.find((object) => object.address === address);
        // How it was added does not show any more. One that nobody wants is not ours to delete.
        return wanted ?? { kind: "address", netns, link, address, scope, life: "shared" };
      });
  });
}

/** Not the link-local address that the kernel makes by itself. */
function isConfigured(info: AddressInfo): boolean {
  return !info.address.startsWith("fe80:");
}

function observeRoutes(session: KernelSession, routes: readonly RouteObject[]): RouteObject[] {
  return byLink(session, routes).flatMap(({ index, netns, objects }) => {
    const found = listRoutes(session.namespace(netns).socket, { oif: index });
    return objects.flatMap((wanted) => {
      const route = found.find((candidate) => isRoute(wanted, candidate));
      if (!route) return [];
      const { gateway, source, mtu, advmss, scopeId } = route;
      // IPv6 has no scopes; the kernel answers 0 for all.
      const scope = wanted.dst.includes(":") ? wanted.scopeId : scopeId;
      return [{ ...wanted, gateway, source, mtu, advmss, scopeId: scope }];
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
      return value === undefined ? [] : [{ ...wanted, value }];
    });
  });
}

function observeElements(
  session: KernelSession,
  elements: readonly NftElementObject[],
): NftElementObject[] {
  const found = session.nft.find(elements);
  return elements.flatMap((wanted, i) => (found[i] ? [{ ...wanted, ...found[i] }] : []));
}
