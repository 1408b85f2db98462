/** Removes what stays after the last detach: bridges, tables and address stores of ours. */
import { rmSync } from "node:fs";
import { adminPrefix } from "../drivers/skeleton.ts";
import { listAddresses } from "../kernel/netlink/address.ts";
import { deleteLink } from "../kernel/netlink/link.ts";
import { type LinkInfo, listLinks } from "../kernel/netlink/link-info.ts";
import { netloomProtocol } from "../kernel/netlink/rtm.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";
import type { NftTableName } from "../kernel/nft/nft.ts";
import { unfinished } from "../kernel/sys/whole-file.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { removeMarked } from "./apply-nft.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { withdrawFromForeign } from "./foreign-accept.ts";
import { clearUnusedStores } from "./host-local/clear.ts";
import type { KernelSession } from "./kernel-session.ts";
import { lockAll, lockNames, removeLock } from "./lock.ts";
import { hostLinkName, idOfAlias, linkKey, sharedAlias } from "./names.ts";
import type { Paths } from "./paths.ts";
import {
  type AttachmentRecord,
  brokenRecords,
  idOfRecordPath,
  listRecords,
  removeRecord,
} from "./record.ts";
import { markerOf } from "./restore.ts";
import { hasPortsOfOthers, isSharedByUs, leaveLink } from "./sharers.ts";
import { removeUnusedGuards } from "./vxlan-guards.ts";

/** What was removed, in words. */
export type Removed = readonly string[];

/**
 * Removes shared objects of ours that nothing uses any more. Never a bridge that we did not make
 * or that has ports or addresses of others, never a table while an attachment is recorded. While
 * the record of one of `kept` can't be read, and so tells nothing, only bridges without ports go.
 */
export async function clean(
  { session, paths }: Engine,
  kept: ReadonlySet<string> = new Set(),
): Promise<Removed> {
  // Whoever is attaching just now has found a bridge and tables, and counts on them.
  using _lock = await lockAll(paths);
  await session.loadNft();
  const removed: string[] = [];
  const { spared = [], broken = [] } = Object.groupBy(brokenRecords(paths), (path) =>
    kept.has(idOfRecordPath(path)) && !path.endsWith(unfinished) ? "spared" : "broken",
  );
  for (const path of broken) {
    rmSync(path, { force: true });
    paths.records?.removed(path);
    removed.push(`file ${path}`);
  }
  const live = listRecords(paths).filter((record) => {
    if (record.boot === bootId()) return true;
    removeRecord(paths, record);
    return false;
  });
  const { socket } = session.namespace(hostNetns);
  const ids = new Set(live.map(({ id }) => id));
  // An agent looks after its own.
  if (paths.instance === undefined) {
    removed.push(...removeUnusedGuards(session).map((name) => `nftables table inet ${name}`));
  }
  if (spared.length === 0) {
    removed.push(...(await releaseUnnamed(session, live)));
    removed.push(...(await removeUnnamed(session, live)));
  }
  for (const bridge of listLinks(socket, { kind: "bridge" })) {
    if (bridge.alias !== sharedAlias(paths)) continue;
    using _name = await lockLink(paths, bridge.name);
    if (isUsed(socket, bridge)) continue;
    socket.run([deleteLink({ index: bridge.index })]);
    removed.push(`bridge ${bridge.name}`);
  }
  if (spared.length > 0) return removed;
  for (const path of clearUnusedStores(paths)) removed.push(`directory ${path}`);
  const stray = removeMarked(session, (comment) => isStray(session, ids, comment));
  if (stray > 0) removed.push(`stray nftables elements: ${stray}`);
  if (live.length > 0) return removed;
  const tables = session.skeleton.filter(
    (table) => session.nft.present([table])[0] && !isAdministered(session, table),
  );
  session.nft.change(tables.map(({ family, name }) => ({ op: "delete-table", family, name })));
  removed.push(...tables.map(({ family, name }) => `nftables table ${family} ${name}`));
  const rules = withdrawFromForeign(session);
  if (rules > 0) removed.push(`rules in chains of other firewalls: ${rules}`);
  rmSync(markerOf(paths), { force: true });
  removeLock(paths);
  return removed;
}

/** Whether somebody has filled a chain that is there for him: it must not go. */
function isAdministered({ nft }: KernelSession, { family, name }: NftTableName): boolean {
  return nft
    .chains({ family, name })
    .filter((chain) => chain.name.startsWith(adminPrefix))
    .some((chain) => nft.rules({ family, table: name, chain: chain.name }).length > 0);
}

/** Gives back uplinks that no record names: of a call that was cut short, or of an earlier boot. */
async function releaseUnnamed(
  session: KernelSession,
  live: readonly AttachmentRecord[],
): Promise<Removed> {
  const { readableUplinks, recordedUplinks } = await import("./uplink/record.ts");
  const names = recordedUplinks(session.paths);
  if (names.length === 0) return [];
  const { releaseUplink } = await import("./uplink/release.ts");
  const objects = live.flatMap((record) => record.objects).filter(({ kind }) => kind === "uplink");
  const named = new Set(objects.map((uplink) => "name" in uplink && uplink.name));
  const unnamed = names.filter((name) => !named.has(name));
  const readable = readableUplinks(session.paths);
  const host = session.namespace(hostNetns);
  return unnamed.flatMap((name) => {
    const bridge = readable.find(({ uplink }) => uplink === name)?.bridge;
    // Where no record tells, the link does.
    const index = bridge === undefined ? host.findLink(name)?.master : host.findLink(bridge)?.index;
    if (hasPortsOfOthers(session, index)) return [];
    return releaseUplink(session, name) ? `uplink ${name} from its bridge` : [];
  });
}

async function removeUnnamed(
  session: KernelSession,
  live: readonly AttachmentRecord[],
): Promise<Removed> {
  const removed: string[] = [];
  for (const link of unnamedLinks(session, live)) {
    using _name = await lockLink(session.paths, link.name);
    const namespace = session.namespace(hostNetns);
    namespace.forget(link.name);
    // Another instance may have joined it, or taken it along, since it was listed.
    const now = namespace.findLink(link.name);
    // The host's leg in a VLAN of a bridge.
    if (!now || hasPortsOfOthers(session, now.master)) continue;
    const outcome = await leaveLink(session, hostNetns, now);
    if (outcome === "gone") removed.push(`${link.kind} ${link.name}`);
  }
  return removed;
}

/** Keeps other instances from beginning to use it. Plugins hold the file whole already. */
async function lockLink(paths: Paths, name: string): Promise<Disposable | undefined> {
  return paths.instance === undefined ? undefined : await lockNames(paths, [linkKey(name)]);
}

/** Links of ours, bridges apart, that were made for attachments and that none of `live` names. */
export function unnamedLinks(
  session: KernelSession,
  live: readonly AttachmentRecord[],
): readonly LinkInfo[] {
  const { socket } = session.namespace(hostNetns);
  const links = listLinks(socket).filter(
    (link) => isSharedByUs(session, link) && link.kind !== "bridge",
  );
  if (links.length === 0) return [];
  const objects = live.flatMap((record) => record.objects).filter(({ kind }) => kind === "link");
  const named = new Set(objects.map((link) => "name" in link && link.name));
  return links.filter(({ name }) => !named.has(name));
}

/** An element with the mark of an attachment that has neither record nor link. */
export function isStray(
  session: KernelSession,
  ids: ReadonlySet<string>,
  comment: string,
): boolean {
  const id = idOfAlias(session.paths, comment);
  if (id === undefined || ids.has(id)) return false;
  return !session.namespace(hostNetns).findLink(hostLinkName(session.paths, id));
}

/** By a port, or by an address that is neither ours nor the kernel's own. */
function isUsed(socket: NetlinkSocket, { index }: LinkInfo): boolean {
  if (listLinks(socket, { master: index }).length > 0) return true;
  return listAddresses(socket, { index }).some(
    ({ address, protocol }) => protocol !== netloomProtocol && !address.startsWith("fe80:"),
  );
}
