/** Puts an uplink into a bridge, which takes its place in the host's network. */
import { changeLink, deleteLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import { listRoutes } from "../../kernel/netlink/route-info.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { announcement } from "../../kernel/packet/announcement.ts";
import { sendFrames } from "../../kernel/packet/send-frames.ts";
import { existsSync, readFileSync } from "../../kernel/sys/files.ts";
import { hostNetns, type UplinkObject } from "../../model/kernel-object.ts";
import { bootId } from "../boot.ts";
import { ConflictError } from "../conflict.ts";
import type { KernelSession } from "../kernel-session.ts";
import { sharersOf } from "../names.ts";
import { prepareBridge, removeScratch, withAddresses, withoutOwnAddress } from "./bridge.ts";
import { type Carried, isLinkLocal, readCarried, routeMaker } from "./carried.ts";
import {
  connectedRemovals,
  earlyAdditions,
  flagCorrections,
  lateAdditions,
  type Move,
  removals,
} from "./move.ts";
import { ownerOf } from "./owner.ts";
import {
  readableUplinks,
  readUplinkRecord,
  type UplinkRecord,
  writeUplinkRecord,
} from "./record.ts";
import { madeByUs, missing, refuseDynamic, refuseUnfit, unfit } from "./refusals.ts";
import { releaseUplink } from "./release.ts";
import { uplinkNamed } from "./renamed.ts";
import { untilAnswered, untilDetected } from "./usable.ts";

/**
 * Moves what the uplink carries to the bridge, or finishes a move that was cut short. One that an
 * operator put into that bridge himself is left as it is. Throws ConfigError, ConflictError,
 * NetlinkError, StoreError, SysctlError, UplinkRecordError; then everything is as before.
 */
export function acquireUplink(session: KernelSession, wanted: UplinkObject): void {
  const { socket } = session.namespace(hostNetns);
  raiseOwn(socket, wanted.name);
  const uplink = uplinkNamed(session, wanted.name);
  if (!uplink) throw missing(wanted.name);
  const old = readUplinkRecord(session.paths, wanted.name);
  const master = nameOf(socket, uplink.master);
  if (!old && master === wanted.bridge) return;
  if (uplink.kind === "veth" && uplink.alias?.startsWith("netloom:")) throw madeByUs(uplink.name);
  refuseOtherBridge(wanted, old?.bridge ?? master ?? wanted.bridge, master);
  if (uplink.up) untilDetected(socket, uplink.index);
  const carried = readCarried(socket, uplink);
  if (!old) refuseUnfit(candidate(session, wanted, uplink, carried));
  else if (!wanted.takeOver) refuseDynamic(uplink.name, carried);
  const record = old ?? newRecord(wanted, uplink, carried);
  const isNewBridge = getLink(socket, { name: wanted.bridge }) === undefined;
  if (!old) writeUplinkRecord(session.paths, record);
  try {
    move(session, record, uplink, carried);
  } catch (error) {
    undo(session, wanted, { isNewBridge, cause: error });
    throw explained(uplink.name, error);
  }
}

/**
 * A sub-interface that was made for this network a moment ago, on which the host has no address.
 * Its parent must be up, which is the operator's business.
 */
function raiseOwn(socket: NetlinkSocket, name: string): void {
  const found = getLink(socket, { name });
  if (found?.kind !== "vlan" || sharersOf(found.alias).length === 0 || found.up) return;
  socket.run([...withoutOwnAddress(name), changeLink({ name }, { up: true })]);
}

/** What can't be undone now is undone by DEL, GC or a command: the record stays. */
function undo(
  session: KernelSession,
  { name, bridge }: UplinkObject,
  { isNewBridge, cause }: { readonly isNewBridge: boolean; readonly cause: unknown },
): void {
  try {
    releaseUplink(session, name);
    if (isNewBridge) session.namespace(hostNetns).socket.run([deleteLink({ name: bridge })]);
  } catch (error) {
    throw new AggregateError([cause, error], (cause as Error).message);
  }
}

function nameOf(socket: NetlinkSocket, index: number | undefined): string | undefined {
  return index === undefined ? undefined : getLink(socket, { index })?.name;
}

function newRecord(
  { name, bridge }: UplinkObject,
  { index, addrGenMode }: LinkInfo,
  carried: Carried,
): UplinkRecord {
  return { version: 1, boot: bootId(), uplink: name, bridge, index, addrGenMode, carried };
}

/** Two networks may share an uplink in one bridge only. */
function refuseOtherBridge(wanted: UplinkObject, bridge: string, master?: string): void {
  if (bridge === wanted.bridge) return;
  const { name } = wanted;
  const how = master === bridge ? `is in "${bridge}" already` : `is the uplink of "${bridge}"`;
  throw new ConflictError(
    `Cannot use link "${name}" as the uplink of bridge "${wanted.bridge}": it ${how}. ` +
      `Name that as the bridge, or take the link out of it first`,
  );
}

function candidate(
  session: KernelSession,
  { name, bridge, takeOver }: UplinkObject,
  link: LinkInfo,
  carried: Carried,
) {
  const { socket } = session.namespace(hostNetns);
  const found = getLink(socket, { name: bridge });
  const others = readableUplinks(session.paths);
  return {
    link,
    carried,
    bridge,
    takeOver,
    bridgeIs: found ? (sharersOf(found.alias).length > 0 ? "ours" : "foreign") : "absent",
    otherUplink: others.find((one) => one.bridge === bridge)?.uplink,
    master: undefined,
    children: listLinks(socket).filter((child) => takesFrames(child, link)),
    isLoopback: (link.flags & loopbackFlag) !== 0,
    isWireless: ["wireless", "phy80211"].some((one) => existsSync(`/sys/class/net/${name}/${one}`)),
    owner: ownerOf({ name, index: link.index, read: textOf }),
  } as const;
}

/** IFF_LOOPBACK. Source: include/uapi/linux/if.h. */
const loopbackFlag = 0x8;

const takers: readonly string[] = ["macvlan", "macvtap", "ipvlan", "ipvtap"];

function takesFrames({ kind, link, linkNetnsId }: LinkInfo, parent: LinkInfo): boolean {
  return takers.includes(kind ?? "") && link === parent.index && linkNetnsId === undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Until the link becomes a port nothing changes for traffic: the bridge's addresses and routes
 * stand behind the uplink's. Then what comes in comes over the bridge, and what goes out still goes
 * by the uplink's routes and over the same wire, until those are removed. One datagram each, so
 * that a kill finds it before, between or after.
 */
function move(
  session: KernelSession,
  record: UplinkRecord,
  uplink: LinkInfo,
  carried: Carried,
): void {
  const host = session.namespace(hostNetns);
  const { socket } = host;
  const hearsRouters = livesOnRouters(carried) || livesOnRouters(record.carried);
  const bridge = prepareBridge(session, record.bridge, uplink, { hearsRouters });
  const all: Move = { carried, from: uplink, to: bridge };
  socket.run(earlyAdditions(all));
  untilAnswered(socket, bridge.index, carried.addresses);
  socket.run([
    changeLink({ index: uplink.index }, { master: bridge.index }),
    ...lateAdditions(all),
  ]);
  // Some of these did not come with an address, so they would not go with it.
  const connected = connectedRemovals(all, listRoutes(socket, { oif: uplink.index }));
  socket.run([...removals(all), ...connected, ...withoutOwnAddress(uplink.name)]);
  socket.run([...flagCorrections(all), withAddresses(bridge.name, modeOf(record))]);
  announce(session, bridge, carried);
  removeScratch(socket, bridge.name);
  host.forget(uplink.name);
  host.forget(bridge.name);
}

/** How the uplink made its link-local address before it was moved. */
export function modeOf({ addrGenMode }: UplinkRecord): LinkInfo["addrGenMode"] {
  return (addrGenMode ?? "eui64") as LinkInfo["addrGenMode"];
}

/** Whether routers' advertisements gave addresses or routes. */
function livesOnRouters({ addresses, routes }: Carried): boolean {
  return (
    routes.some(({ protocol }) => protocol === routeMaker.routerAdvertisement) ||
    addresses.some((info) => info.family !== 2 && !info.permanent && !isLinkLocal(info))
  );
}

/** Neighbours know the addresses by the same hardware address; who did not listen hears it now. */
export function announce(session: KernelSession, link: LinkInfo, { addresses }: Carried): void {
  const frames = addresses.map(({ address }) =>
    announcement(link.mac, address.slice(0, address.indexOf("/"))),
  );
  session.namespace(hostNetns).inside(() => sendFrames(link.index, frames));
}

/** Links in other namespaces can't be seen from here, but they are in the way. */
function explained(name: string, error: unknown): unknown {
  const { code, message } = error as Error & { code?: string };
  if (code !== undefined && refusesPort.has(code) && message.includes("change link")) {
    return unfit(
      name,
      `the kernel takes it for no bridge port (${code}): name a wired Ethernet link`,
    );
  }
  if (code !== "EBUSY") return error;
  return unfit(
    name,
    "its frames go elsewhere already (macvlan or ipvlan links of containers stand on it, or it " +
      "is part of a bond): attach those containers through the bridge too, or name another uplink",
  );
}

/** What br_add_if() of the kernel answers to links without Ethernet frames, and those of Wi-Fi. */
const refusesPort: ReadonlySet<string> = new Set(["EINVAL", "EOPNOTSUPP", "ELOOP"]);
