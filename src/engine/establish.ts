/** Turns a record into what it says, or into nothing: written first, undone when a step fails. */
import { NetlinkError } from "../kernel/netlink/error.ts";
import type { Begun } from "../lib/begun.ts";
import {
  type AddressObject,
  type BridgeLink,
  hostNetns,
  isShared,
  type KernelObject,
} from "../model/kernel-object.ts";
import { plan, type Step } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { ConflictError } from "./conflict.ts";
import { dismantle, forget } from "./detach.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import { explained, refuseOverlaps } from "./holder.ts";
import type { KernelSession } from "./kernel-session.ts";
import { sharersOf } from "./names.ts";
import { observe } from "./observe.ts";
import { inProcess } from "./paths.ts";
import { settleLinks } from "./ready.ts";
import { type AttachmentRecord, writeRecord } from "./record.ts";
import { isInUse, markInUse, restoreIfErased } from "./restore.ts";

/** What an attachment brings along beside its record. */
export interface Circumstances {
  readonly persist?: () => Begun;
  /** Of the addresses found, those that must go. Throws to refuse. */
  readonly conflicts?: (
    desired: readonly AddressObject[],
    observed: readonly AddressObject[],
  ) => readonly AddressObject[];
  /** What exists of the record's objects, and of those that it no longer has. */
  readonly made?: readonly KernelObject[];
}

/** Writes the record, then makes its objects; undoes both when that fails. */
export async function establish(
  { session, paths }: Engine,
  record: AttachmentRecord,
  { persist, conflicts, made = [] }: Circumstances = {},
): Promise<void> {
  const usesNft = record.objects.some(isNft);
  if (usesNft || isInUse(paths)) await restoreIfErased({ session, paths }, record.id);
  await session.loadKinds(record.objects);
  using _counted = await sharedLock({ session, paths }, record.objects);
  writeRecord(paths, record);
  // The disk works while the kernel does, not while we write to it ourselves.
  const persisted = persist?.();
  const begun: KernelObject[] = [];
  const own = made.filter((object) => !isShared(object));
  try {
    if (record.objects.some(isCounted)) {
      const { joinSharers } = await import("./sharers.ts");
      // A last user may have removed it since we looked. The record names it before its alias does.
      joinSharers(session, record.objects);
    }
    const observed = [...own, ...observe(session, record.objects.filter(mayExist))];
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
    await settleLinks(session, [...own, ...begun]);
    persisted?.finish();
  } catch (caught) {
    // The disk must be done before its work is undone; its own failure is no second error.
    settled(persisted);
    const undone = await undo(session, [...own, ...begun]);
    _counted?.[Symbol.dispose]();
    // What could not be undone is DEL's to find.
    if (undone === undefined) await forget({ session, paths }, record);
    const error = await explainedLink({ session, paths }, record, explained(paths, caught));
    throw undone ? new AggregateError([error, undone], (error as Error).message) : error;
  }
}

const isCounted = ({ life }: KernelObject) => life === "counted";

/**
 * Who makes what goes with its last user keeps others from being the last meanwhile, and who is to
 * be a port of another instance's bridge, that one from removing it.
 */
async function sharedLock(
  { session, paths }: Engine,
  objects: readonly KernelObject[],
): Promise<Disposable | undefined> {
  const foreign = objects.filter((object) => isOthersBridge(session, object));
  if (foreign.length > 0 || objects.some(isCounted)) {
    const { lockCounted } = await import("./counted.ts");
    const lock = await lockCounted(paths, objects, foreign);
    for (const { name } of foreign) session.namespace(hostNetns).forget(name);
    return lock;
  }
  return undefined;
}

function isOthersBridge(session: KernelSession, object: KernelObject): object is BridgeLink {
  if (object.kind !== "link" || object.type !== "bridge") return false;
  const sharers = sharersOf(session.namespace(object.netns).findLink(object.name)?.alias);
  return sharers.length > 0 && !sharers.includes(session.paths.instance ?? inProcess);
}

/** In the user's words, where it is about a link on a parent. The words are loaded when needed. */
async function explainedLink(
  engine: Engine,
  record: AttachmentRecord,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof NetlinkError)) return error;
  if (!error.op.startsWith("create ") && error.code !== "EADDRINUSE") return error;
  const { explainLink } = await import("./link-error.ts");
  const { parentState } = await import("./parent-state.ts");
  return explainLink(record.objects, error, (parent) => parentState(engine, record, parent));
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
  return kind.startsWith("nft-");
}

/** Shared objects may be there already; an attachment's own are not, and need no look. */
function mayExist(object: KernelObject): boolean {
  return isShared(object) && !isNft(object);
}

/** A link that has a shared one's name, but is of another kind, belongs to somebody else. */
function refuseOtherKinds(
  desired: readonly KernelObject[],
  observed: readonly KernelObject[],
): void {
  const links = desired.filter((object) => object.kind === "link");
  for (const found of observed) {
    if (found.kind !== "link" || found.type !== "existing") continue;
    const wanted = links.find(({ name, netns }) => name === found.name && netns === found.netns);
    if (!wanted || wanted.type === "existing") continue;
    const role = wanted.type === "bridge" ? "the bridge" : `a ${wanted.type} link`;
    throw new ConflictError(
      `Cannot use link "${found.name}" as ${role}: it is of another kind. ` +
        (wanted.type === "bridge" ? "Name another bridge" : "Rename or remove it"),
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
