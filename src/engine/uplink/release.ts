/** Gives an uplink back what a bridge carries in its place. */
import { changeLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo } from "../../kernel/netlink/link-info.ts";
import { listRoutes } from "../../kernel/netlink/route-info.ts";
import { netloomProtocol } from "../../kernel/netlink/rtm.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { bootId } from "../boot.ts";
import type { KernelSession } from "../kernel-session.ts";
import { macOf, sharedAlias } from "../names.ts";
import { announce, modeOf } from "./acquire.ts";
import { removeScratch, withAddresses } from "./bridge.ts";
import { type Carried, readCarried } from "./carried.ts";
import {
  connectedRemovals,
  earlyAdditions,
  flagCorrections,
  lateAdditions,
  type Move,
  removals,
  routeRemovals,
} from "./move.ts";
import { readUplinkRecord, removeUplinkRecord, type UplinkRecord, unreadable } from "./record.ts";
import { renamedLink } from "./renamed.ts";
import { untilAnswered } from "./usable.ts";

/**
 * Moves back what the bridge carries, also what came to it meanwhile, and takes the uplink out of
 * the bridge. Nothing of an earlier boot's record is applied; in place of an unreadable one the
 * kernel is asked. Gives whether there was something to do. Throws NetlinkError, StoreError; then
 * the record stays for the next try.
 */
export function releaseUplink(session: KernelSession, name: string): boolean {
  const record = recordOf(session, name);
  if (record) giveBack(session, record);
  removeUplinkRecord(session.paths, name);
  return record !== undefined;
}

function recordOf(session: KernelSession, name: string): UplinkRecord | undefined {
  if (!unreadable(session.paths, name)) return readUplinkRecord(session.paths, name);
  const { socket } = session.namespace(hostNetns);
  const uplink = getLink(socket, { name });
  const bridge =
    uplink?.master === undefined ? undefined : getLink(socket, { index: uplink.master });
  // What is in no bridge of ours has what it needs, as after a reboot.
  if (!uplink || bridge?.alias !== sharedAlias(session.paths)) return undefined;
  return {
    version: 1,
    boot: bootId(),
    uplink: name,
    bridge: bridge.name,
    index: uplink.index,
    // The bridge was given the uplink's.
    addrGenMode: bridge.addrGenMode,
    carried: { addresses: [], routes: [], neighs: [], rules: [] },
  };
}

function giveBack(session: KernelSession, record: UplinkRecord): void {
  const host = session.namespace(hostNetns);
  const { socket } = host;
  const bridge = getLink(socket, { name: record.bridge });
  // Its name may be another card's by now.
  const uplink = renamedLink(socket, record) ?? getLink(socket, { name: record.uplink });
  if (uplink && bridge) moveBack(session, record, { uplink, bridge });
  else if (bridge) {
    // The link is gone, and with it the network that the addresses were of.
    socket.run(removals({ carried: hosts(readCarried(socket, bridge), record), from: bridge }));
  } else if (uplink) restore(session, record, uplink);
  host.forget(record.uplink);
  host.forget(record.bridge);
}

/**
 * While it is a port of the bridge the uplink can send, so routes lead over it first, and what
 * comes in still comes over the bridge, whose addresses stay to the last.
 */
function moveBack(
  session: KernelSession,
  record: UplinkRecord,
  { uplink, bridge }: { readonly uplink: LinkInfo; readonly bridge: LinkInfo },
): void {
  const { socket } = session.namespace(hostNetns);
  const carried = hosts(readCarried(socket, bridge), record);
  const all: Move = { carried, from: bridge, to: uplink };
  socket.run(earlyAdditions(all));
  untilAnswered(socket, uplink.index, carried.addresses);
  socket.run(lateAdditions(all));
  const connected = connectedRemovals(all, listRoutes(socket, { oif: bridge.index }));
  const isPort = uplink.master === bridge.index;
  socket.run([
    ...routeRemovals(all),
    ...connected,
    ...(isPort ? [changeLink({ index: uplink.index }, { master: 0 })] : []),
    ...removals(all),
  ]);
  socket.run([...flagCorrections(all), withAddresses(uplink.name, modeOf(record))]);
  announce(session, uplink, carried);
  socket.run([changeLink({ index: bridge.index }, { mac: macOf(`bridge ${bridge.name}`) })]);
  removeScratch(socket, bridge.name);
}

/** The host's own: not what Netloom gave the bridge for containers, unless the uplink had it. */
function hosts(carried: Carried, { carried: before }: UplinkRecord): Carried {
  const had = new Set(before.addresses.map(({ address }) => address));
  const isHosts = (info: { readonly address: string; readonly protocol?: number }) =>
    info.protocol !== netloomProtocol || had.has(info.address);
  return { ...carried, addresses: carried.addresses.filter(isHosts) };
}

/** An outside hand removed the bridge with all it carried: the record still knows. */
function restore(session: KernelSession, record: UplinkRecord, uplink: LinkInfo): void {
  const { socket } = session.namespace(hostNetns);
  const { addresses, routes, neighs, rules } = record.carried;
  const lasting: Carried = {
    addresses: addresses.filter(({ permanent }) => permanent),
    routes: routes.filter(({ expiresS }) => expiresS === undefined),
    neighs: neighs.filter(({ state, proxy }) => proxy || state === "permanent"),
    rules,
  };
  const from = { index: record.index, name: record.uplink };
  const all: Move = { carried: lasting, from, to: uplink };
  socket.run(earlyAdditions(all));
  socket.run(lateAdditions(all));
  socket.run([...flagCorrections(all), withAddresses(uplink.name, modeOf(record))]);
  announce(session, uplink, lasting);
}
