/** Makes, changes, raises and removes links. */
import {
  changeBridge,
  changeBridgePort,
  changeLink,
  createLink,
  deleteLink,
} from "../kernel/netlink/link.ts";
import type { Request } from "../kernel/netlink/message.ts";
import type { BridgeLink, LinkObject, VethLink } from "../model/kernel-object.ts";
import type { Step } from "../plan/plan.ts";
import { ConflictError } from "./conflict.ts";
import type { KernelSession } from "./kernel-session.ts";

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
  if (op === "create" && link.type === "bridge") createBridge(session, link);
  if (op === "create" && link.type === "veth") createPair(session, link);
  if (op === "update" || link.type === "existing") change(session, link);
}

/** It stays down at first: when it comes up the kernel looks at its settings. */
function createBridge(session: KernelSession, link: BridgeLink): void {
  const { netns, name, mac, mtu, alias, vlanFiltering, promisc } = link;
  session.enqueue(
    netns,
    // Another attachment may have made it a moment ago.
    {
      ...createLink({ kind: "bridge", name, mac, mtu, bridge: { vlanFiltering } }),
      tolerate: ["EEXIST"],
    },
    changeLink({ name }, { alias, promisc }),
  );
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
}

function change(session: KernelSession, link: LinkObject): void {
  const { netns, name, up, mac, mtu, promisc } = link;
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  const own = link.life === "shared" ? { up, promisc } : { up, mac, mtu, promisc };
  const filters = link.type === "bridge" && link.vlanFiltering;
  session.enqueue(
    netns,
    changeLink({ name }, { ...own, master }),
    // Where the kernel cannot filter it says so: a VLAN must not silently be none.
    ...(filters ? [changeBridge({ name }, { vlanFiltering: true })] : []),
    ...settings(link),
  );
}

/** What the kernel takes only of a link that exists: its alias, its settings as a bridge's port. */
function settings(link: LinkObject): Request[] {
  const { name, alias, bridgePort } = link;
  const isSet = bridgePort && (bridgePort.hairpin || bridgePort.isolated);
  return [
    ...(alias === undefined || link.life === "shared" ? [] : [changeLink({ name }, { alias })]),
    ...(isSet ? [changeBridgePort({ name }, bridgePort)] : []),
  ];
}
