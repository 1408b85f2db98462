/** Brings back our nftables tables and their elements after another program erased them. */
import { skeleton } from "../drivers/skeleton.ts";
import { existsSync, mkdirSync, writeFileSync } from "../kernel/sys/files.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { key } from "../plan/key.ts";
import { reinstate } from "./apply-nft.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import type { Paths } from "./paths.ts";
import { type AttachmentRecord, listRecords } from "./record.ts";

/** Present from the first use of our tables in this boot: from then on they must be there. */
export function markerOf({ runDir }: Paths): string {
  return `${runDir}/nft-in-use`;
}

/** Notes that our tables are in use. */
export function markInUse(paths: Paths): void {
  if (isInUse(paths)) return;
  mkdirSync(paths.runDir, 0o755);
  writeFileSync(markerOf(paths), "", 0o600);
}

/** Whether our tables are in use. */
export function isInUse(paths: Paths): boolean {
  return existsSync(markerOf(paths));
}

/**
 * Restores all attachments if our tables should be there and are not whole. Gives how many. That
 * they should be is told by the marker or, where somebody emptied its directory, by the records.
 */
export async function restoreIfErased(engine: Engine): Promise<number> {
  const { session, paths } = engine;
  await session.loadNft();
  if (session.nft.intact(skeleton)) return 0;
  const live = listRecords(paths).filter((record) => isLive(engine, record));
  const objects = live.flatMap((record) => record.objects).filter(isNft);
  if (objects.length === 0 && !isInUse(paths)) return 0;
  markInUse(paths);
  restoreNft(session, objects);
  return live.length;
}

function isNft({ kind }: KernelObject): boolean {
  return kind === "nft-element" || kind === "nft-chain";
}

/** Makes what is of nftables among these objects of attachments that exist. */
export function restoreNft(session: KernelSession, objects: readonly KernelObject[]): void {
  const chains = objects.filter((object) => object.kind === "nft-chain");
  const unique = [...new Map(chains.map((chain) => [key(chain), chain])).values()];
  const elements = objects.filter((object) => object.kind === "nft-element");
  reinstate(session, elements, unique);
}

/** Whether a record's attachment still exists: made in this boot, its host link there. */
function isLive({ session }: Engine, record: AttachmentRecord): boolean {
  if (record.boot !== bootId()) return false;
  const links = record.objects.filter((object) => object.kind === "link");
  const own = links.filter(({ life }) => life === "exclusive");
  if (own.length > 0) {
    return own.every(({ name }) => session.namespace(hostNetns).findLink(name));
  }
  return existsSync(record.netns);
}
