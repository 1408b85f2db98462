/** Makes one attachment again what its records say, as far as it is not. */
import {
  hostNetns,
  type KernelObject,
  type LinkPlace,
  type NftElementObject,
} from "../model/kernel-object.ts";
import { key } from "../plan/key.ts";
import { plan } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { TakenError } from "./apply-nft.ts";
import type { Engine } from "./engine.ts";
import { describe, type Fault, faultyObjects, guardedMacs, isLasting, lasting } from "./faults.ts";
import type { KernelSession } from "./kernel-session.ts";
import { withoutOverridden } from "./later-plugins.ts";
import { idOfAlias } from "./names.ts";
import { settleLinks } from "./ready.ts";
import type { AttachmentRecord } from "./record.ts";
import { readUplinkRecord, unreadable } from "./uplink/record.ts";

/** What should be there of one attachment, by all its records. */
export function expectedOf(
  session: KernelSession,
  records: readonly AttachmentRecord[],
): KernelObject[] {
  const all = records.flatMap((record) => {
    const others = records.filter((other) => other !== record);
    const later = others.flatMap(({ objects }) => objects);
    return withoutOverridden(record.objects.filter(isLasting), later);
  });
  return all.filter(
    // Of one that an operator took back by force, or whose record is spoilt, we have no opinion.
    (object) =>
      object.kind !== "uplink" ||
      (!unreadable(session.paths, object.name) && readUplinkRecord(session.paths, object.name)),
  );
}

/** Loads the code that a look at these objects needs. */
export async function loadFor(session: KernelSession, objects: readonly KernelObject[]) {
  await session.loadKinds(objects);
  if (objects.some(isNft)) await session.loadNft();
}

/**
 * Puts back what is missing and changes what differs, in a session that has seen nothing of it yet.
 * Gives what was amiss and is no more, in words. Throws ConflictError, NetlinkError, NftError,
 * SysctlError, SysError where something cannot be put back, and Error where it did not last.
 */
export async function mend(
  { session, paths }: Engine,
  records: readonly AttachmentRecord[],
): Promise<string[]> {
  const expected = expectedOf(session, records);
  await loadFor(session, expected);
  const faults = faultyObjects(session, expected, guardedMacs(expected));
  if (faults.length === 0) return [];
  refuseTorn(faults);
  using _counted = await countedLock({ session, paths }, faults);
  const desired = withWhatStoodOn(faults, records);
  const elements = desired.filter((object) => object.kind === "nft-element");
  if (desired.some(isOfTables)) putBack(session, elements, desired);
  const rest = desired.filter((object) => !isOfTables(object));
  const found = faults.flatMap((fault) => fault.found ?? []).filter((it) => !isOfTables(it));
  const begun: KernelObject[] = [];
  apply(session, plan(rest, found), begun);
  await settleLinks(session, begun);
  return verified(session, expected, faults);
}

function isNft({ kind }: KernelObject): boolean {
  return kind.startsWith("nft-") || kind === "foreign-accept";
}

function isOfTables({ kind }: KernelObject): boolean {
  return kind === "nft-chain" || kind === "nft-element";
}

/** A pair whose other end has another name or place now works for somebody, perhaps. */
function refuseTorn(faults: readonly Fault[]): void {
  for (const { object, found } of faults) {
    if (object.kind !== "link" || object.type !== "veth") continue;
    if (found?.kind !== "link" || found.type !== "veth" || found.peer.name !== "") continue;
    const { name, netns } = object.peer;
    throw new Error(
      `Cannot repair ${describe(object)}: its other end is no more "${name}" in ${netns}. ` +
        "Give it that name again, or detach the container (DEL) and attach it (ADD)",
    );
  }
}

async function countedLock({ session, paths }: Engine, faults: readonly Fault[]) {
  const counted = faults.flatMap(({ object }) => (object.life === "counted" ? [object] : []));
  if (counted.length === 0) return undefined;
  const { lockCounted } = await import("./counted.ts");
  const { joinSharers } = await import("./sharers.ts");
  const lock = await lockCounted(paths, counted);
  joinSharers(session, counted);
  return lock;
}

/** What is amiss, and with a link that is made anew all that stood on it, also what changes. */
function withWhatStoodOn(
  faults: readonly Fault[],
  records: readonly AttachmentRecord[],
): KernelObject[] {
  const anew = faults.flatMap(({ object, found }): LinkPlace[] => {
    if (object.kind !== "link" || found) return [];
    return object.type === "veth" ? [object, object.peer] : [object];
  });
  const isOnThem = (object: KernelObject) =>
    "link" in object &&
    anew.some(({ netns, name }) => object.netns === netns && object.link === name);
  const all = records.flatMap(({ objects }) => objects);
  const stood = all.filter(isOnThem);
  const guarded = guardedMacs(all);
  const amiss = faults.map(({ object, found }) => (found ? lasting(object, guarded) : object));
  return [...new Map([...stood, ...amiss].map((object) => [key(object), object])).values()];
}

/** Our own tables, and the elements as they should be: what stands under their keys is replaced. */
function putBack(
  session: KernelSession,
  elements: readonly NftElementObject[],
  desired: readonly KernelObject[],
): void {
  session.nft.ensure(session.skeleton);
  session.nft.ensureChains(desired.filter((object) => object.kind === "nft-chain"));
  const there = session.nft.find(elements);
  for (const [i, element] of elements.entries()) {
    const holder = there[i];
    const isOthers = holder?.comment !== element.comment && isMarked(session, holder?.comment);
    if (isOthers) throw new TakenError(element, holder, undefined);
  }
  session.nft.change([
    ...elements.filter((_, i) => there[i]).map((element) => ({ op: "delete", element }) as const),
    ...elements.map((element) => ({ op: "add", element }) as const),
  ]);
}

function isMarked(session: KernelSession, comment: string | undefined): boolean {
  return idOfAlias(session.paths, comment) !== undefined;
}

/** Of the faults those that are gone. Throws where one is not that could be. */
function verified(
  session: KernelSession,
  expected: readonly KernelObject[],
  faults: readonly Fault[],
): string[] {
  for (const { object } of faults) forgetLinks(session, object);
  const left = new Map(
    faultyObjects(session, expected, guardedMacs(expected)).map((it) => [key(it.object), it]),
  );
  const lost = [...left.values()].filter(({ object }) => !isOptional(object));
  if (lost.length > 0) {
    const words = lost.map(({ fault }) => fault).join("; ");
    throw new Error(`Cannot keep what was put back: ${words}. Another program changes it again`);
  }
  return faults.filter(({ object }) => !left.has(key(object))).map(({ fault }) => fault);
}

function forgetLinks(session: KernelSession, object: KernelObject): void {
  if (object.kind !== "link") return;
  session.namespace(object.netns).forget(object.name);
  if (object.type === "veth") session.namespace(object.peer.netns).forget(object.peer.name);
  if (object.master !== undefined) session.namespace(hostNetns).forget(object.master);
}

/** This kernel may have no such guard. */
function isOptional(object: KernelObject): boolean {
  return object.kind === "link-guard" && !object.isRequired;
}
