/** Removes what stays after the last detach: bridges, tables and address stores of ours. */
import { rmSync } from "node:fs";
import { skeleton } from "../drivers/skeleton.ts";
import { listAddresses } from "../kernel/netlink/address.ts";
import { deleteLink } from "../kernel/netlink/link.ts";
import { type LinkInfo, listLinks } from "../kernel/netlink/link-info.ts";
import { netloomProtocol } from "../kernel/netlink/rtm.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { removeMarked } from "./apply-nft.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { withdrawFromForeign } from "./foreign-accept.ts";
import { clearUnusedStores } from "./host-local/clear.ts";
import type { KernelSession } from "./kernel-session.ts";
import { lockAll, removeLock } from "./lock.ts";
import { hostLinkName, idOfAlias, sharedAlias } from "./names.ts";
import { brokenRecords, listRecords, removeRecord } from "./record.ts";
import { markerOf } from "./restore.ts";

/** What was removed, in words. */
export type Removed = readonly string[];

/**
 * Removes shared objects of ours that nothing uses any more. Never a bridge that we did not make
 * or that has ports or addresses of others, never a table while an attachment is recorded.
 */
export async function clean({ session, paths }: Engine): Promise<Removed> {
  // Whoever is attaching just now has found a bridge and tables, and counts on them.
  using _lock = await lockAll(paths);
  await session.loadNft();
  const removed: string[] = [];
  for (const path of brokenRecords(paths)) {
    rmSync(path, { force: true });
    removed.push(`file ${path}`);
  }
  const { socket } = session.namespace(hostNetns);
  for (const bridge of listLinks(socket, { kind: "bridge" }).filter(isOurs)) {
    if (isUsed(socket, bridge)) continue;
    socket.run([deleteLink({ index: bridge.index })]);
    removed.push(`bridge ${bridge.name}`);
  }
  for (const path of clearUnusedStores(paths)) removed.push(`directory ${path}`);
  const live = listRecords(paths).filter((record) => {
    if (record.boot === bootId()) return true;
    removeRecord(paths, record);
    return false;
  });
  const ids = new Set(live.map(({ id }) => id));
  const stray = removeMarked(session, (comment) => isStray(session, ids, comment));
  if (stray > 0) removed.push(`stray nftables elements: ${stray}`);
  if (live.length > 0) return removed;
  const tables = skeleton.filter((table) => session.nft.present([table])[0]);
  session.nft.change(tables.map(({ family, name }) => ({ op: "delete-table", family, name })));
  removed.push(...tables.map(({ family, name }) => `nftables table ${family} ${name}`));
  const rules = withdrawFromForeign(session);
  if (rules > 0) removed.push(`rules in chains of other firewalls: ${rules}`);
  rmSync(markerOf(paths), { force: true });
  removeLock(paths);
  return removed;
}

/** An element with the mark of an attachment that has neither record nor link. */
function isStray(session: KernelSession, ids: ReadonlySet<string>, comment: string): boolean {
  const id = idOfAlias(comment);
  if (id === undefined || ids.has(id)) return false;
  return !session.namespace(hostNetns).findLink(hostLinkName(id));
}

/** By a port, or by an address that is neither ours nor the kernel's own. */
function isUsed(socket: NetlinkSocket, { index }: LinkInfo): boolean {
  if (listLinks(socket, { master: index }).length > 0) return true;
  return listAddresses(socket, { index }).some(
    ({ address, protocol }) => protocol !== netloomProtocol && !address.startsWith("fe80:"),
  );
}

function isOurs({ alias }: LinkInfo): boolean {
  return alias === sharedAlias;
}
