/** Brings back our nftables tables and their elements after another program erased them. */
import { existsSync, mkdirSync, writeFileSync } from "../kernel/sys/files.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { key } from "../plan/key.ts";
import { reinstate } from "./apply-nft.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import { lockAttachmentIfFree } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { type AttachmentRecord, listRecords, readRecord } from "./record.ts";

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
 * `held`: the attachment whose lock the caller has.
 */
export async function restoreIfErased(engine: Engine, held?: string): Promise<number> {
  const { session, paths } = engine;
  await session.loadNft();
  if (session.nft.intact(session.skeleton)) return 0;
  const live = liveRecords(engine);
  if (!live.some(({ objects }) => objects.some(isNft)) && !isInUse(paths)) return 0;
  markInUse(paths);
  await restoreRecords(engine, live, held);
  return live.length;
}

/**
 * Restores this attachment, of which something is missing and whose lock the caller has, and then
 * all others: whoever took it may have emptied a whole set.
 */
export async function restoreWith(engine: Engine, own: AttachmentRecord): Promise<void> {
  await restoreRecords(engine, [own], own.id);
  await restoreRecords(engine, liveRecords(engine), own.id);
}

function liveRecords(engine: Engine): AttachmentRecord[] {
  return listRecords(engine.paths).filter((record) => isLive(engine, record));
}

/** Locks, and with them descriptors, that are held at once. */
const portion = 100;

/**
 * Elements of one that is on its way out would be left for ever, its address another's by then: an
 * attachment that somebody works on is left to him.
 */
async function restoreRecords(
  { session, paths }: Engine,
  records: readonly AttachmentRecord[],
  held: string | undefined,
): Promise<void> {
  await session.loadKinds(records.flatMap(({ objects }) => objects).filter(isNft));
  const ids = [...new Set(records.map(({ id }) => id))];
  // Without attachments too the tables come back.
  for (let at = 0; at === 0 || at < ids.length; at += portion) {
    using locks = new DisposableStack();
    const free = ids.slice(at, at + portion).filter((id) => {
      const lock = id === held ? undefined : lockAttachmentIfFree(paths, id);
      if (lock) locks.use(lock);
      return lock !== undefined || id === held;
    });
    const ours = records.filter(({ id }) => free.includes(id));
    // What was read before it was locked may be gone.
    const there = ours.flatMap((record) => readRecord(paths, record) ?? []);
    restoreNft(session, there.flatMap(({ objects }) => objects).filter(isNft));
  }
}

function isNft({ kind }: KernelObject): boolean {
  return kind.startsWith("nft-") || kind === "foreign-accept";
}

/** Makes what is of nftables among these objects of attachments that exist. */
function restoreNft(session: KernelSession, objects: readonly KernelObject[]): void {
  const chains = objects.filter((object) => object.kind === "nft-chain");
  const unique = [...new Map(chains.map((chain) => [key(chain), chain])).values()];
  const elements = objects.filter((object) => object.kind === "nft-element");
  reinstate(session, elements, unique);
  const accepts = objects.filter((object) => object.kind === "foreign-accept");
  if (accepts.length > 0) session.foreignAccepts.applyForeignAccepts(session, "create", accepts);
}

/** Whether a record's attachment still exists: made in this boot, its links there. */
export function isLive({ session }: Engine, record: AttachmentRecord): boolean {
  if (record.boot !== bootId()) return false;
  const links = record.objects.filter((object) => object.kind === "link");
  const own = links.filter(({ life }) => life === "exclusive");
  if (own.length > 0) {
    return own.every(
      ({ netns, name }) =>
        (netns === hostNetns || session.isThere(netns)) && session.namespace(netns).findLink(name),
    );
  }
  return existsSync(record.netns);
}
