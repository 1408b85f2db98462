/** Removes what stays after the last detach: bridges, tables and address stores of ours. */
import { rmSync } from "node:fs";
import { skeleton } from "../drivers/skeleton.ts";
import { deleteLink } from "../kernel/netlink/link.ts";
import { type LinkInfo, listLinks } from "../kernel/netlink/link-info.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { clearUnusedStores } from "./host-local/clear.ts";
import { sharedAlias } from "./names.ts";
import { brokenRecords, listRecords, removeRecord } from "./record.ts";
import { markerOf } from "./restore.ts";

/** What was removed, in words. */
export type Removed = readonly string[];

/**
 * Removes shared objects of ours that nothing uses any more. Never a bridge that we did not make
 * or that still has ports, never a table while an attachment is recorded.
 */
export async function clean({ session, paths }: Engine): Promise<Removed> {
  await session.loadNft();
  const removed: string[] = [];
  for (const path of brokenRecords(paths)) {
    rmSync(path, { force: true });
    removed.push(`file ${path}`);
  }
  const { socket } = session.namespace(hostNetns);
  for (const bridge of listLinks(socket, { kind: "bridge" }).filter(isOurs)) {
    if (listLinks(socket, { master: bridge.index }).length > 0) continue;
    socket.run([deleteLink({ index: bridge.index })]);
    removed.push(`bridge ${bridge.name}`);
  }
  for (const path of clearUnusedStores(paths)) removed.push(`directory ${path}`);
  const live = listRecords(paths).filter((record) => {
    if (record.boot === bootId()) return true;
    removeRecord(paths, record);
    return false;
  });
  if (live.length > 0) return removed;
  const tables = skeleton.filter((table) => session.nft.present([table])[0]);
  session.nft.change(tables.map(({ family, name }) => ({ op: "delete-table", family, name })));
  removed.push(...tables.map(({ family, name }) => `nftables table ${family} ${name}`));
  rmSync(markerOf(paths), { force: true });
  return removed;
}

function isOurs({ alias }: LinkInfo): boolean {
  return alias === sharedAlias;
}
