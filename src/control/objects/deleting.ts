/** Objects go: at once, or once what stands in their way is gone. */
import type { Kind } from "../../api/kind.ts";
import { kinds, type Port } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { conflict, forbidden, notFound } from "../../api/status-error.ts";
import type { Condition, Entry, Store } from "../store/store.ts";
import { detachingStatus } from "./attached.ts";
import { type MayDelete, refuseBeyondReach } from "./dependents.ts";
import { Draft, pause } from "./draft.ts";
import { draftGuards } from "./guards.ts";
import {
  keyOf,
  keyOfReferrer,
  lockKey,
  type Place,
  referrersPrefix,
  resourceOf,
  resourceOfKey,
} from "./keys.ts";
import type { Admit, Objects } from "./objects.ts";
import { decodeEntry, encode, withRevision } from "./stored.ts";

type AnyKind = Kind<any, any>;
const kindOf = (name: string): AnyKind => kinds.find(({ kind }) => kind === name)!;

export interface DeleteRequest {
  readonly dryRun?: boolean;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** What refers to it goes first. It stays until then. */
  readonly cascade?: boolean;
  readonly admit?: Admit;
  /** Asked of all that goes along; whoever asks without may delete everything. */
  readonly mayDelete?: MayDelete;
}

/** How it went. */
export interface Deleted {
  /** As it last was; or as it is, until its finalizers are done. */
  readonly object: ApiObject;
  readonly gone: boolean;
}

/** Kubernetes' own: the server deletes what stands on it, then takes this off. */
export const cascadeFinalizer = "foregroundDeletion";

/** A namespace goes with all that is in it, a host once its blocks came back. */
const goWithTheirs = new Set(["Namespace", "Host"]);

/** A lock outlives its taker by so much. */
const lockMs = 10_000;
const mostTries = 50;

export async function deleteObject(
  objects: Objects,
  kind: AnyKind,
  place: Place,
  request: DeleteRequest,
): Promise<Deleted> {
  const { store } = objects;
  const key = keyOf(kind, place);
  for (let tries = 1; tries <= mostTries; tries++) {
    const entry = await store.get(key);
    if (!entry) throw notFound(kind, place.name);
    const live = decodeEntry(entry);
    request.admit?.({ old: live });
    refuseUnlessMeant(kind, live, request);
    const change = { kind, key, entry, live };
    const hasBlocks = kind.kind === "Subnet" && (await isReferred(store, key));
    if (hasBlocks && !request.cascade) await refuseReferred(store, change);
    const cascade = request.cascade || hasBlocks;
    const marked = asGoing(kind, live, objects.now(), { ...request, cascade });
    if (marked === live) return { object: live, gone: false };
    const done = marked
      ? await mark(store, { ...change, marked, ...request })
      : await removeUnreferred(store, { ...change, dryRun: request.dryRun });
    if (done) return done;
    await pause(tries);
  }
  throw conflict(kind, place.name, "others change it again and again: try again later");
}

function refuseUnlessMeant(kind: AnyKind, { metadata }: ApiObject, request: DeleteRequest): void {
  const { name, uid, resourceVersion } = metadata;
  const differs = (what: string, wanted: string, found: string) =>
    conflict(
      kind,
      name,
      `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
    );
  if (request.uid !== undefined && request.uid !== uid) throw differs("UID", request.uid, uid);
  if (request.resourceVersion !== undefined && request.resourceVersion !== resourceVersion) {
    throw differs("ResourceVersion", request.resourceVersion, resourceVersion);
  }
  if (kind.kind === "Namespace" && name === "default") {
    throw forbidden(kind, name, "this namespace may not be deleted");
  }
}

/** The object as it waits for its finalizers; undefined where it has none and may go at once. */
function asGoing(
  kind: AnyKind,
  live: ApiObject,
  now: string,
  { cascade }: DeleteRequest,
): ApiObject | undefined {
  const { metadata } = live;
  const waits = cascade || goWithTheirs.has(kind.kind);
  const finalizers = new Set([
    ...(metadata.finalizers ?? []),
    ...(waits ? [cascadeFinalizer] : []),
  ]);
  if (finalizers.size === 0) return undefined;
  const isMarked = metadata.deletionTimestamp !== undefined;
  if (isMarked && finalizers.size === (metadata.finalizers?.length ?? 0)) return live;
  return {
    ...live,
    metadata: {
      ...metadata,
      deletionTimestamp: metadata.deletionTimestamp ?? now,
      deletionGracePeriodSeconds: 0,
      finalizers: [...finalizers],
    },
    ...(kind.kind === "Namespace" && { status: { phase: "Terminating" } }),
    ...(kind.kind === "Port" && statusWhile(detachingStatus(live as Port, now))),
  };
}

const statusWhile = (status: object | undefined) => status && { status };

interface Going {
  readonly kind: AnyKind;
  readonly key: string;
  readonly entry: Entry;
  readonly live: ApiObject;
  readonly dryRun?: boolean;
}

interface Marking extends Going {
  readonly marked: ApiObject;
  readonly mayDelete?: MayDelete;
}

async function mark(store: Store, marking: Marking): Promise<Deleted | undefined> {
  const { kind, marked, mayDelete, dryRun } = marking;
  // Whoever put the finalizer there, all that refers to it will go.
  const takesAlong =
    referredTo.has(kind.kind) && marked.metadata.finalizers?.includes(cascadeFinalizer);
  if (!mayDelete || !takesAlong) return commitMark(store, marking);
  await refuseBeyondReach(store, marking, mayDelete);
  if (dryRun) return commitMark(store, marking);
  return whileLocked(store, marking, async (lock) => {
    await refuseBeyondReach(store, marking, mayDelete);
    return commitMark(store, marking, lock);
  });
}

async function commitMark(
  store: Store,
  { key, entry, marked, dryRun }: Marking,
  lock?: Condition,
): Promise<Deleted | undefined> {
  if (dryRun) return { object: marked, gone: false };
  const draft = new Draft(store);
  if (lock) draft.expect(lock.key, lock.revision);
  draft.expect(key, entry.revision);
  draft.put(key, encode(marked));
  const revision = await draft.commit();
  return revision === undefined
    ? undefined
    : { object: withRevision(marked, revision), gone: false };
}

/** Kinds that others name. */
const referredTo = new Set(["Network", "Subnet", "Tenant"]);

/** Removes it while nobody can begin to refer to it; undefined where something else came first. */
export async function removeUnreferred(store: Store, going: Going): Promise<Deleted | undefined> {
  if (!referredTo.has(going.kind.kind)) return remove(new Draft(store), going);
  await refuseReferred(store, going);
  if (going.dryRun) return { object: going.live, gone: true };
  return whileLocked(store, going, async (lock) => {
    await refuseReferred(store, going);
    const draft = new Draft(store);
    draft.expect(lock.key, lock.revision);
    return remove(draft, going);
  });
}

/** Works while nobody can begin to refer to it; undefined where something else came first. */
async function whileLocked<T>(
  store: Store,
  { key, entry }: Going,
  work: (lock: Condition) => Promise<T>,
): Promise<T | undefined> {
  const lease = await store.lease(lockMs);
  try {
    const lock = lockKey(key);
    const take = new Draft(store);
    take.expect(key, entry.revision);
    take.expect(lock, 0);
    take.put(lock, "", lease);
    const revision = await take.commit();
    return revision === undefined ? undefined : await work({ key: lock, revision });
  } finally {
    await lease.revoke();
  }
}

async function remove(
  draft: Draft,
  { kind, key, entry, live, dryRun }: Going,
): Promise<Deleted | undefined> {
  draft.expect(key, entry.revision);
  await draftGuards(draft, { kind, key, old: live });
  draft.remove(key);
  if (dryRun) return { object: live, gone: true };
  const revision = await draft.commit();
  return revision === undefined ? undefined : { object: live, gone: true };
}

const isReferred = async (store: Store, key: string): Promise<boolean> =>
  (await store.list(referrersPrefix(key), { limit: 1 })).entries.length > 0;

/** So many are named. */
const named = 3;

async function refuseReferred(store: Store, { kind, key, live }: Going): Promise<void> {
  const { entries } = await store.list(referrersPrefix(key));
  const referrers = entries.map((entry) => keyOfReferrer(entry.key)).filter(standsInTheWay);
  if (referrers.length === 0) return;
  const rest = referrers.length > named ? ` and ${referrers.length - named} more` : "";
  const [verb, them] = referrers.length > 1 ? ["need", "them"] : ["needs", "it"];
  const why =
    `${describe(referrers.slice(0, named))}${rest} ${verb} it: delete ${them} first, ` +
    "or cascade (kubectl: --cascade=foreground)";
  throw conflict(kind, live.metadata.name, why);
}

/** Blocks are the server's own and go with their subnet, as hosts' prefixes of it do. */
const goWithSubnet = new Set(["IPBlock", "Host"].map((name) => resourceOf(kindOf(name))));
const standsInTheWay = (key: string) => !goWithSubnet.has(resourceOfKey(key));

/** `port "team-a/web"`; `ports "team-a/web", "team-a/db", subnet "team-a/web"`. */
function describe(keys: readonly string[]): string {
  const parts = keys.map((key) => key.split("/").slice(3));
  const ofKinds = Object.entries(Object.groupBy(parts, ([plural = ""]) => plural));
  return ofKinds
    .map(([plural, some = []]) => {
      const names = some.map(([, ...name]) => `"${name.join("/")}"`).join(", ");
      const singular = kinds.find((kind) => kind.plural === plural)?.singular ?? plural;
      return `${some.length > 1 ? plural : singular} ${names}`;
    })
    .join(", ");
}
