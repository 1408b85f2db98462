/** Turns a record into what it says, or into nothing: written first, undone when a step fails. */
import type { Begun } from "../lib/begun.ts";
import type { AddressObject, KernelObject } from "../model/kernel-object.ts";
import { plan, type Step } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { ConflictError } from "./conflict.ts";
import { dismantle } from "./detach.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import { explained, refuseOverlaps } from "./holder.ts";
import type { KernelSession } from "./kernel-session.ts";
import { observe } from "./observe.ts";
import { settleLinks } from "./ready.ts";
import { type AttachmentRecord, removeRecord, writeRecord } from "./record.ts";
import { isInUse, markInUse, restoreIfErased } from "./restore.ts";

/** What an attachment brings along beside its record. */
export interface Circumstances {
  readonly persist?: () => Begun;
  /** Of the addresses found, those that must go. Throws to refuse. */
  readonly conflicts?: (
    desired: readonly AddressObject[],
    observed: readonly AddressObject[],
  ) => readonly AddressObject[];
}

/** Writes the record, then makes its objects; undoes both when that fails. */
export async function establish(
  { session, paths }: Engine,
  record: AttachmentRecord,
  { persist, conflicts }: Circumstances = {},
): Promise<void> {
  const usesNft = record.objects.some(isNft);
  if (usesNft || isInUse(paths)) await restoreIfErased({ session, paths });
  writeRecord(paths, record);
  // The disk works while the kernel does, not while we write to it ourselves.
  const persisted = persist?.();
  const begun: KernelObject[] = [];
  try {
    const observed = observe(session, record.objects.filter(mayExist));
    refuseOtherKinds(record.objects, observed);
    const isAddress = (object: KernelObject) => object.kind === "address";
    const inTheWay = conflicts?.(record.objects.filter(isAddress), observed.filter(isAddress));
    const removals = (inTheWay ?? []).map((object): Step => ({ op: "delete", object }));
    refuseOverlaps(session, record.objects);
    if (usesNft) markInUse(paths);
    apply(session, [...removals, ...plan(record.objects, observed)], begun);
    await forgetUdp(session, record.objects);
    const detected = record.objects.filter(isDetected);
    if (detected.length > 0) await (await import("./settle.ts")).settle(session, detected);
    await settleLinks(session, begun);
    persisted?.finish();
  } catch (caught) {
    // The disk must be done before its work is undone; its own failure is no second error.
    settled(persisted);
    const undone = await undo(session, begun);
    // What could not be undone is DEL's to find.
    if (undone === undefined) removeRecord(paths, record);
    const error = explained(paths, caught);
    throw undone ? new AggregateError([error, undone], (error as Error).message) : error;
  }
}

function settled(begun: Begun | undefined): void {
  try {
    begun?.finish();
  } catch {
    // Told already, or of no interest beside what failed first.
  }
}

/** The kernel looks for duplicates of this address before it can be used. */
function isDetected(object: KernelObject): object is AddressObject {
  return object.kind === "address" && object.dad !== false && object.address.includes(":");
}

function isNft({ kind }: KernelObject): boolean {
  return kind === "nft-element" || kind === "nft-chain";
}

/** Shared objects may be there already; an attachment's own are not, and need no look. */
function mayExist(object: KernelObject): boolean {
  return object.life === "shared" && !isNft(object);
}

/** A link that has the bridge's name and is none belongs to somebody else. */
function refuseOtherKinds(
  desired: readonly KernelObject[],
  observed: readonly KernelObject[],
): void {
  const bridges = desired.filter((object) => object.kind === "link" && object.type === "bridge");
  for (const link of observed) {
    if (link.kind !== "link" || link.type !== "existing") continue;
    if (!bridges.some(({ name, netns }) => name === link.name && netns === link.netns)) continue;
    throw new ConflictError(
      `Cannot use link "${link.name}" as the bridge: it is of another kind. Name another bridge`,
    );
  }
}

async function undo(session: KernelSession, begun: readonly KernelObject[]): Promise<unknown> {
  try {
    await dismantle(session, begun);
    return undefined;
  } catch (error) {
    return error;
  }
}
