/** Looks at all attachments of an instance, and repairs those that are not as recorded. */
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { key } from "../plan/key.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { faultyObjects, guardedMacs } from "./faults.ts";
import type { KernelSession } from "./kernel-session.ts";
import { lockAttachmentIfFree } from "./lock.ts";
import { expectedOf, loadFor, mend } from "./mend.ts";
import { type AttachmentRecord, recordsOf } from "./record.ts";
import { RecordCache } from "./record-cache.ts";
import { restoreIfErased } from "./restore.ts";

/** What to look at. */
export interface RepairScope {
  /**
   * Containers' namespaces to look into, by path; absent: all. What the attachments have on the
   * host is looked at always, in a few exchanges with the kernel for all of them.
   */
  readonly containers?: ReadonlySet<string>;
  /** False: nothing has touched nftables since the last look at them. */
  readonly nft?: boolean;
  /** Where the records are known from earlier passes. */
  readonly records?: RecordCache;
}

/** An attachment that was not as recorded. */
export interface RepairedAttachment extends Attachment {
  readonly id: string;
  readonly network: string;
  /** What was amiss, in words: `link "nl0123456789a" is missing`. */
  readonly faults: readonly string[];
}

/** What came of a pass. */
export interface RepairReport {
  readonly repaired: readonly RepairedAttachment[];
  /** What stays amiss until the next pass, and why. */
  readonly failed: readonly (Attachment & { readonly id: string; readonly error: unknown })[];
  /** Whose container's namespace is gone: theirs to detach who know that the container is. */
  readonly stale: readonly AttachmentRecord[];
  /** Attachments whose part of our nftables tables was erased and is back. */
  readonly restored: number;
}

/** The thread is given to others after so long. */
const sliceMs = 4;
/** So many objects are looked up within about as much. */
const portion = 200;

/** By attachment: its records, and the keys of what seems amiss. */
export type Suspects = Map<string, Set<string>>;

/**
 * One pass over the instance's attachments of this boot. Attachments that another call is at work
 * on are left to the next pass. What cannot be repaired is reported, not thrown. Throws StoreError,
 * NetlinkError, NftError where not even a look is possible.
 */
export async function repairAll(engine: Engine, scope: RepairScope = {}): Promise<RepairReport> {
  const attachments = attachmentsOf(engine, scope.records ?? new RecordCache());
  const report = emptyReport();
  if (attachments.size === 0) return report;
  using session = engine.session.renew();
  const pass = { session, paths: engine.paths };
  const isLookedAt = ({ kind }: KernelObject) => scope.nft !== false || !kind.startsWith("nft-");
  const expected = new Map(
    [...attachments].map(([id, all]) => [id, expectedOf(session, all).filter(isLookedAt)]),
  );
  await loadFor(session, [...expected.values()].flat());
  if (usesNft(expected.values())) report.restored = await restoreIfErased(pass);
  const suspects = await suspectsOnHost(session, expected);
  await lookInside(session, { attachments, expected, suspects, scope, report });
  await mendAll(engine, suspects, report);
  return report;
}

/** The same for one attachment. */
export async function repair(engine: Engine, id: string): Promise<RepairReport> {
  const report = emptyReport();
  await mendOne(engine, id, report);
  return report;
}

/** A report that is being written. */
export type Draft = {
  -readonly [K in keyof RepairReport]: RepairReport[K] extends readonly (infer T)[]
    ? T[]
    : RepairReport[K];
};

export function emptyReport(): Draft {
  return { repaired: [], failed: [], stale: [], restored: 0 };
}

/** Records of this boot by attachment. */
export function attachmentsOf(
  { paths }: Engine,
  records: RecordCache,
): Map<string, AttachmentRecord[]> {
  const found = new Map<string, AttachmentRecord[]>();
  for (const record of records.list(paths)) {
    if (record.boot !== bootId()) continue;
    found.set(record.id, [...(found.get(record.id) ?? []), record]);
  }
  return found;
}

function usesNft(all: Iterable<readonly KernelObject[]>): boolean {
  for (const objects of all) if (objects.some(({ kind }) => kind.startsWith("nft-"))) return true;
  return false;
}

/** What all have on the host, asked for together. A pair's other end is looked at in its place. */
async function suspectsOnHost(
  session: KernelSession,
  expected: ReadonlyMap<string, readonly KernelObject[]>,
): Promise<Suspects> {
  session.namespace(hostNetns).findAllLinks();
  const objects = new Map<string, KernelObject>();
  const users = new Map<string, string[]>();
  for (const [id, all] of expected) {
    for (const object of all) {
      if (object.netns !== hostNetns) continue;
      const name = key(object);
      objects.set(name, nearEnd(object));
      const ids = users.get(name);
      if (ids) ids.push(id);
      else users.set(name, [id]);
    }
  }
  const suspects: Suspects = new Map();
  for (const portion of portions([...objects.values()])) {
    for (const { object } of faultyObjects(session, portion)) {
      for (const id of users.get(key(object))!) suspect(suspects, id, object);
    }
    await others();
  }
  return suspects;
}

/** What is asked for one by one goes in portions; of the rest the kernel tells all at once. */
function* portions(objects: readonly KernelObject[]): Generator<readonly KernelObject[]> {
  const isSingle = ({ kind }: KernelObject) => kind === "sysctl" || kind === "nft-element";
  yield objects.filter((object) => !isSingle(object));
  const singles = objects.filter(isSingle);
  for (let at = 0; at < singles.length; at += portion) yield singles.slice(at, at + portion);
}

/** Lets the rest of the process have its turn. */
function others(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function suspect(suspects: Suspects, id: string, object: KernelObject): void {
  const keys = suspects.get(id) ?? new Set();
  suspects.set(id, keys.add(key(object)));
}

function nearEnd(object: KernelObject): KernelObject {
  if (object.kind !== "link" || object.type !== "veth") return object;
  const { peer: _, ...near } = object;
  return { ...near, type: "existing" };
}

interface Look {
  readonly attachments: ReadonlyMap<string, readonly AttachmentRecord[]>;
  readonly expected: ReadonlyMap<string, readonly KernelObject[]>;
  readonly suspects: Suspects;
  readonly scope: RepairScope;
  readonly report: Draft;
}

/** One container after the other, so that neither descriptors nor time add up. */
async function lookInside(
  session: KernelSession,
  { attachments, expected, suspects, scope, report }: Look,
): Promise<void> {
  let since = performance.now();
  for (const [id, records] of attachments) {
    const { netns } = records[0]!;
    if (scope.containers && !scope.containers.has(netns)) continue;
    if (isStale(session, records)) report.stale.push(...records);
    else if (netns !== hostNetns) {
      const all = expected.get(id)!;
      const inside = all.filter((object) => isInside(object, netns));
      for (const { object } of faultyObjects(session, inside, guardedMacs(all)))
        suspect(suspects, id, object);
    }
    if (netns !== hostNetns) session.release(netns);
    if (performance.now() - since < sliceMs) continue;
    await others();
    since = performance.now();
  }
}

function isInside(object: KernelObject, netns: string): boolean {
  if (object.netns === netns) return true;
  return object.kind === "link" && object.type === "veth" && object.peer.netns === netns;
}

/** The container is gone, or its namespace's path is another's by now. */
function isStale(session: KernelSession, records: readonly AttachmentRecord[]): boolean {
  return records.some(({ netns, netnsCookie }) => {
    if (netns === hostNetns) return false;
    if (!session.isThere(netns)) return true;
    return netnsCookie !== undefined && session.namespace(netns).cookie !== netnsCookie;
  });
}

/** Mends the suspects, one after the other. */
export async function mendAll(
  engine: Engine,
  suspects: Suspects,
  report: Draft,
): Promise<RepairReport> {
  const stale = new Set(report.stale.map(({ id }) => id));
  const mended = new Set<string>();
  for (const [id, keys] of suspects) {
    // What attachments share is put back by the first of them.
    const isDone = keys.size > 0 && [...keys].every((name) => mended.has(name));
    if (stale.has(id) || isDone) continue;
    if (await mendOne(engine, id, report)) for (const name of keys) mended.add(name);
    await others();
  }
  return report;
}

/** Gives whether it is as recorded now. */
async function mendOne(engine: Engine, id: string, report: Draft): Promise<boolean> {
  using lock = lockAttachmentIfFree(engine.paths, id);
  // By the time of the look it may have been on its way, or be so again.
  const records = recordsOf(engine.paths, id).filter(({ boot }) => boot === bootId());
  if (!lock || records.length === 0) return false;
  const { containerId, ifName, network } = records[0]!;
  using session = engine.session.renew();
  try {
    if (isStale(session, records)) {
      report.stale.push(...records);
      return false;
    }
    const faults = await mend({ session, paths: engine.paths }, records);
    if (faults.length > 0) report.repaired.push({ id, containerId, ifName, network, faults });
    return true;
  } catch (error) {
    report.failed.push({ id, containerId, ifName, error });
    return false;
  }
}
