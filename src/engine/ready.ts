/** Waits until packets pass what was just made, and has the neighbours told of it. */
import { hostPart } from "../drivers/container-side.ts";
import { listAddresses } from "../kernel/netlink/address.ts";
import { changeLink } from "../kernel/netlink/link.ts";
import type { LinkInfo } from "../kernel/netlink/link-info.ts";
import { linkFlag } from "../kernel/netlink/link-table.ts";
import { listGroups } from "../kernel/netlink/multicast.ts";
import { getRoute } from "../kernel/netlink/route-info.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { bytesToIp, ipToBytes } from "../lib/ip.ts";
import {
  type AddressObject,
  type ChildLink,
  hostNetns,
  type KernelObject,
  type LinkObject,
  type LinkPlace,
  type VethLink,
} from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";
import { settingsOn } from "./kinds/link-settings.ts";

/** A little more than the kernel may put off a link's change of state: a second. */
const timeoutMs = 1500;

/**
 * Waits until the created objects work: the kernel's answer to a request is no promise that packets
 * pass. Then has the links tell their neighbours on the bridge whose addresses they bear now.
 *
 * With `arp_notify` and `ndisc_notify` set the kernel sends a gratuitous ARP and an unsolicited
 * neighbour advertisement for every address when a link is given its hardware address, also the one
 * that it has. It does the same when a link comes up, but 1 to 6 times in 100 the bridge drops
 * these, because it has not heard of the carrier yet.
 */
export async function settleLinks(
  session: KernelSession,
  created: readonly KernelObject[],
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const pairs = created.filter(isPairToContainer);
  for (const pair of pairs) await until(deadline, () => isConnected(session, pair));
  const children = created.filter((object) => isChildToContainer(session, object));
  for (const { netns, name } of children) {
    await until(deadline, () => isOperational(session.linkNow(netns, name).operState));
  }
  const inside = [...pairs.map(({ peer }) => peer), ...children];
  for (const object of created) {
    if (!isSixth(object) || !isOnLinkThatIsUp(object, inside)) continue;
    const isNew = created.some((other) => other.kind === "link" && isOn(object, other));
    await until(deadline, () => isAnswered(session, object) && (!isNew || asks(session, object)));
  }
  for (const { master, peer } of pairs) {
    if (master === undefined) continue;
    const index = session.indexOf(peer.netns, peer.name);
    session.enqueue(
      peer.netns,
      changeLink({ index }, { mac: settingsOn(created, peer)?.mac ?? peer.mac }),
    );
  }
  session.flush();
}

/** What takes longer than the deadline is left to itself. */
async function until(deadline: number, isDone: () => boolean): Promise<void> {
  while (!isDone() && performance.now() < deadline) await Bun.sleep(1);
}

function isPairToContainer(object: KernelObject): object is VethLink {
  if (object.kind !== "link" || object.type !== "veth") return false;
  return object.peer.up && object.peer.netns !== object.netns;
}

/** One on a parent without a carrier has nothing to wait for: packets pass once the parent's do. */
function isChildToContainer(session: KernelSession, object: KernelObject): object is ChildLink {
  if (object.kind !== "link" || !("parent" in object) || object.netns === hostNetns) return false;
  const { netns, name } = object.parent;
  return object.up && isOperational(session.linkNow(netns, name).operState);
}

/**
 * Whether the kernel has taken note that the ends are connected: before, the host's end and the
 * bridge drop what they are given. Since Linux 6.8 asking for a link is enough; older ones need
 * some milliseconds.
 */
function isConnected(session: KernelSession, { netns, name, master }: VethLink): boolean {
  const outside = session.linkNow(netns, name);
  if (!isOperational(outside.operState) || outside.bridgePort?.state === "disabled") return false;
  if (master === undefined) return true;
  const known = session.namespace(netns).findLink(master);
  if (known && isOperational(known.operState)) return true;
  return isOperational(session.linkNow(netns, master).operState);
}

function isOn(address: AddressObject, { netns, name }: LinkObject): boolean {
  return netns === hostNetns && address.netns === netns && address.link === name;
}

function isSixth(object: KernelObject): object is AddressObject {
  return object.kind === "address" && object.address.includes(":");
}

/** A container's link may have been left down, and its addresses need not answer then. */
function isOnLinkThatIsUp({ netns, link }: AddressObject, inside: readonly LinkPlace[]): boolean {
  return netns === hostNetns || inside.some((it) => it.netns === netns && it.name === link);
}

/**
 * Whether an IPv6 address answers. A thread of the kernel sees to that after the address was added,
 * also where there is no duplicate address detection: it joins the group in which neighbours ask
 * for the address, and then lets packets to it in. On a link that is not known to be connected
 * groups do not work.
 */
function isAnswered(session: KernelSession, { netns, link, address }: AddressObject): boolean {
  const { index, operState, flags } = session.linkNow(netns, link);
  if (!isOperational(operState)) return false;
  const { socket } = session.namespace(netns);
  const isAsked = (flags & linkFlag.noarp) === 0;
  if (isAsked && !listGroups(socket, index).includes(solicitedNodeGroup(address))) return false;
  return getRoute(socket, hostPart(address))?.type === "local";
}

/** Whether the host can ask for neighbours on the link: it does with its link-local address. */
function asks(session: KernelSession, { netns, link }: AddressObject): boolean {
  const { index, addrGenMode } = session.linkNow(netns, link);
  if (addrGenMode === "none") return true;
  const { socket } = session.namespace(netns);
  return listAddresses(socket, { index, family: addressFamily.inet6 }).some(
    (info) => info.address.startsWith("fe80:") && !info.tentative,
  );
}

/** A bridge whose carrier never changed is in state "unknown", and works. */
function isOperational(state: LinkInfo["operState"]): boolean {
  return state === "up" || state === "unknown";
}

/** The group of RFC 4291, section 2.7.1, of an address with prefix length. */
export function solicitedNodeGroup(address: string): string {
  const group = ipToBytes("ff02::1:ff00:0");
  group.set(ipToBytes(hostPart(address)).subarray(13), 13);
  return bytesToIp(group);
}
