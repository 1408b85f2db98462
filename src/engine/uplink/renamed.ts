/** Uplinks that got another name while a bridge has their place: here they keep their first. */
import { getLink, type LinkInfo } from "../../kernel/netlink/link-info.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { hostNetns, type KernelObject } from "../../model/kernel-object.ts";
import type { KernelSession } from "../kernel-session.ts";
import { readableUplinks, readUplinkRecord, type UplinkRecord } from "./record.ts";

/** The uplink that was taken under this name, or is to be. Throws UplinkRecordError. */
export function uplinkNamed(session: KernelSession, name: string): LinkInfo | undefined {
  const { socket } = session.namespace(hostNetns);
  const found = getLink(socket, { name });
  if (found) return found;
  const record = readUplinkRecord(session.paths, name);
  return record && renamedLink(socket, record);
}

/** The record's link under another name: its bridge's port of that number is still it. */
export function renamedLink(
  socket: NetlinkSocket,
  { index, bridge }: UplinkRecord,
): LinkInfo | undefined {
  const found = getLink(socket, { index });
  return found && masterOf(socket, found) === bridge ? found : undefined;
}

/** The name under which a bridge took the link that is called so now; else the same. */
export function nameTaken(session: KernelSession, name: string): string {
  const { socket } = session.namespace(hostNetns);
  const records = readableUplinks(session.paths);
  if (records.length === 0 || records.some(({ uplink }) => uplink === name)) return name;
  const link = getLink(socket, { name });
  const bridge = link && masterOf(socket, link);
  return records.find((one) => one.index === link?.index && one.bridge === bridge)?.uplink ?? name;
}

/** The objects, uplinks by the names under which they were taken: users must find each other. */
export function byNameTaken(
  session: KernelSession,
  objects: readonly KernelObject[],
): KernelObject[] {
  return objects.map((object) =>
    object.kind === "uplink" ? { ...object, name: nameTaken(session, object.name) } : object,
  );
}

function masterOf(socket: NetlinkSocket, { master }: LinkInfo): string | undefined {
  return master === undefined ? undefined : getLink(socket, { index: master })?.name;
}
