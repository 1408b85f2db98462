/** Makes, changes, raises and removes links. */
import { addBridgeVlans, removeBridgeVlans } from "../kernel/netlink/bridge-vlan.ts";
import {
  changeBridge,
  changeBridgePort,
  changeLink,
  createLink,
  deleteLink,
  type NewLink,
} from "../kernel/netlink/link.ts";
import type { Request } from "../kernel/netlink/message.ts";
import { createTap } from "../kernel/tap.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  type BridgeLink,
  type BridgeVlan,
  type ChildLink,
  isShared,
  type LinkObject,
  type LoneLink,
  type TunLink,
  type VethLink,
} from "../model/kernel-object.ts";
import type { Step } from "../plan/plan.ts";
import { bornName } from "./born-name.ts";
import { ConflictError } from "./conflict.ts";
import type { KernelSession } from "./kernel-session.ts";
import { alterVxlan, createVxlan } from "./kinds/vxlan.ts";

/** What the kernel gives a new port of a bridge that filters. */
const defaultVlan: BridgeVlan = { vid: 1 };

export function applyLink(session: KernelSession, op: Step["op"], link: LinkObject): void {
  if (op === "delete") {
    session.enqueue(link.netns, deleteLink({ name: link.name }));
    session.namespace(link.netns).forget(link.name);
    return;
  }
  if (op === "up") {
    const { netns, name } = link.type === "veth" ? link.peer : link;
    session.enqueue(netns, changeLink({ index: session.indexOf(netns, name) }, { up: true }));
    return;
  }
  if (link.type === "vxlan") {
    if (op === "update") alterVxlan(session, link);
    else createVxlan(session, link);
  } else if (op === "update" || link.type === "existing") change(session, link);
  else if (link.type === "bridge") createBridge(session, link);
  else if (link.type === "veth") createPair(session, link);
  else if (link.type === "tun") makeTap(session, link);
  else createSingle(session, link);
}

/**
 * A link with one end. The request goes to the parent's namespace; the link is born in its own,
 * down. Then it gets its alias, which the kernel takes only of a link that exists.
 */
function createSingle(session: KernelSession, link: ChildLink | LoneLink): void {
  const { netns, name, mac, mtu, alias, promisc, noarp } = link;
  const parent = "parent" in link ? link.parent : undefined;
  const from = parent?.netns ?? netns;
  const born = bornName(session, link, from);
  const spec = {
    ...{ kind: link.type, name: born, mac, mtu },
    link: parent && session.indexOf(from, parent.name),
    netNsFd: from === netns ? undefined : session.namespace(netns).fd,
    [link.type]: "parent" in link ? link[link.type] : link.vrf,
  };
  const creation = createLink(spec as unknown as NewLink);
  // What is counted is made under a lock, so what is in the way is another.
  const tolerate = link.life === "shared" ? ["EEXIST"] : undefined;
  session.enqueue(from, tolerate ? { ...creation, tolerate } : creation);
  if (born !== name) {
    session.enqueue(netns, changeLink({ index: session.linkNow(netns, born).index }, { name }));
    session.namespace(netns).forget(born);
  }
  session.enqueue(netns, changeLink({ name }, { alias, promisc, noarp }));
}

/** Then it is set as the kernel takes of a link that exists, down still. */
function makeTap(session: KernelSession, link: TunLink): void {
  const { netns, name, mac, mtu, alias, promisc } = link;
  session.flush();
  createTap(session.namespace(netns).path, { name, ...link.tun });
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  session.enqueue(netns, changeLink({ name }, { mac, mtu, alias, promisc, master }));
}

/** It stays down at first: when it comes up the kernel looks at its settings. */
function createBridge(session: KernelSession, link: BridgeLink): void {
  const { netns, name, mac, mtu, alias, vlanFiltering, promisc } = link;
  const creation = createLink({ kind: "bridge", name, mac, mtu, bridge: { vlanFiltering } });
  // Another attachment may have made it a moment ago.
  const tolerant = { ...creation, tolerate: ["EEXIST"] };
  // In one datagram: killed in between, we would not know the bridge for ours again.
  const requests = [tolerant, changeLink({ name }, { alias, promisc })];
  if (vlanFiltering) requireFiltering(session, netns, requests);
  else session.enqueue(netns, ...requests);
}

/** Sends requests that need VLAN filtering by themselves, so that nothing follows a refusal. */
function requireFiltering(
  session: KernelSession,
  netns: string,
  requests: readonly Request[],
): void {
  session.flush();
  try {
    session.enqueue(netns, ...requests);
    session.flush();
  } catch (error) {
    if ((error as { code?: string }).code !== "EOPNOTSUPP") throw error;
    throw new ConfigError(
      "vlan",
      'needs, as "vlanTrunk", a bridge that filters VLANs, which this kernel lacks ' +
        "(CONFIG_BRIDGE_VLAN_FILTERING): remove the field, or boot a kernel that has it",
    );
  }
}

function createPair(session: KernelSession, link: VethLink): void {
  const { netns, name, mac, mtu, up, peer } = link;
  if (session.namespace(peer.netns).findLink(peer.name)) {
    throw new ConflictError(
      `Cannot create link "${peer.name}" in ${peer.netns}: it exists already. ` +
        "Detach it first, or attach under another name",
    );
  }
  const netNsFd = session.namespace(peer.netns).fd;
  const end = { name: peer.name, mac: peer.mac, mtu: peer.mtu, netNsFd };
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  session.enqueue(
    netns,
    createLink({ kind: "veth", name, mac, mtu, up, master, veth: { peer: end } }),
    ...settings(link),
  );
  if (link.vlans) setVlans(session, link, link.vlans);
}

/** The port's VLANs become these: the kernel itself puts a new port into the default VLAN 1. */
function setVlans(session: KernelSession, link: LinkObject, vlans: readonly BridgeVlan[]): void {
  const target = { index: session.indexOf(link.netns, link.name) };
  session.enqueue(link.netns, addBridgeVlans(target, vlans));
  if (vlans.some(({ vid }) => vid === defaultVlan.vid)) return;
  session.enqueue(link.netns, removeBridgeVlans(target, [defaultVlan]));
}

function change(session: KernelSession, link: LinkObject): void {
  const { netns, name, up, mac, mtu, promisc } = link;
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  const own = isShared(link) ? { up, promisc } : { up, mac, mtu, promisc };
  if (link.type === "bridge" && link.vlanFiltering) {
    requireFiltering(session, netns, [changeBridge({ name }, { vlanFiltering: true })]);
  }
  const port = link.bridgePort && [changeBridgePort({ name }, link.bridgePort)];
  session.enqueue(netns, changeLink({ name }, { ...own, master }), ...alias(link), ...(port ?? []));
  if (link.type === "veth" && link.peer.mac !== undefined) {
    const { netns: inside, name: end, mac: address } = link.peer;
    session.enqueue(inside, changeLink({ name: end }, { mac: address }));
  }
  if (link.vlans) setVlans(session, link, link.vlans);
}

/** What the kernel takes only of a link that exists: its alias, its settings as a bridge's port. */
function settings(link: LinkObject): Request[] {
  const { name, bridgePort } = link;
  const isSet = bridgePort && (bridgePort.hairpin || bridgePort.isolated);
  return [...alias(link), ...(isSet ? [changeBridgePort({ name }, bridgePort)] : [])];
}

function alias(link: LinkObject): Request[] {
  const { name, alias } = link;
  return alias === undefined || isShared(link) ? [] : [changeLink({ name }, { alias })];
}
