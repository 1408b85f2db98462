/** The objects of all kinds: what of the API is not HTTP. */
import { apply } from "../../api/apply/apply.ts";
import { equalJson } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";
import { type ApiError, alreadyExists, conflict, notFound } from "../../api/status-error.ts";
import type { Condition, Store } from "../store/store.ts";
import { withAttached } from "./attached.ts";
import { withReservation } from "./counts.ts";
import { type DeleteRequest, deleteObject, removeUnreferred } from "./deleting.ts";
import { Draft, pause } from "./draft.ts";
import { draftGuards, refuseOwnLinks } from "./guards.ts";
import { keyOf, type Place } from "./keys.ts";
import { newObject, refuseOther, replaced, withStatus } from "./prepare.ts";
import {
  type ListRequest,
  listObjects,
  listPortions,
  type Page,
  type Portion,
  readObject,
} from "./reading.ts";
import { decodeEntry, encode, withRevision } from "./stored.ts";
import { track } from "./track.ts";

type AnyKind = Kind<any, any>;

export interface WriteRequest {
  /** Nothing is kept; all else happens. */
  readonly dryRun?: boolean;
  /** Who changes it, in `metadata.managedFields`. */
  readonly manager: string;
  readonly subresource?: "status";
  /** Must still be so when it is written; otherwise it is not, and Conflict is thrown. */
  readonly standsOn?: readonly Condition[];
  /** By server-side apply, which kept `metadata.managedFields` already. */
  readonly applied?: boolean;
  /** Told of each try before it is made; throws ApiError where it may not be. */
  readonly admit?: Admit;
  /** What the server adds to an object that is new. */
  readonly born?: (object: ApiObject) => ApiObject;
}

/** Judges a change by what there is and what it shall become. */
export type Admit = (affected: { readonly old?: ApiObject; readonly next?: ApiObject }) => void;

/** What an update makes of what there is; called again where another came first. */
export type Change = (live: ApiObject) => ApiObject;

/** Where each try finds that somebody else was quicker, something is wrong. */
const mostTries = 50;
/** Kubernetes' letters: none that makes words. */
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;

export interface ObjectsOptions {
  readonly now?: () => Date;
}

export class Objects {
  readonly store: Store;
  readonly #now: () => Date;

  constructor(store: Store, { now = () => new Date() }: ObjectsOptions = {}) {
    this.store = store;
    this.#now = now;
  }

  /** RFC 3339, whole seconds. */
  now(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, "Z");
  }

  get(kind: AnyKind, place: Place): Promise<ApiObject> {
    return readObject(this.store, kind, place);
  }

  list(kind: AnyKind, request: ListRequest = {}): Promise<Page> {
    return listObjects(this.store, kind, request);
  }

  /** The same in portions, as they are asked for: a list of any length takes little memory. */
  portions(kind: AnyKind, request: ListRequest = {}): AsyncGenerator<Portion, void> {
    return listPortions(this.store, kind, request);
  }

  /** Throws ApiError (AlreadyExists, Invalid, NotFound of the namespace, Forbidden by a quota). */
  async create(kind: AnyKind, sent: ApiObject, request: WriteRequest): Promise<ApiObject> {
    for (let tries = 1; ; tries++) {
      const birth = { uid: crypto.randomUUID(), now: this.now(), suffix: newSuffix() };
      const made = newObject(kind, sent, birth);
      const object = request.born?.(made) ?? made;
      refuseOwnLinks(kind, object);
      const tracked = track(kind, { next: object, now: birth.now, ...request });
      const next = withAttached(kind, await withReservation(this.store, kind, tracked));
      request.admit?.({ next });
      const key = keyOf(kind, next.metadata);
      const draft = new Draft(this.store);
      const isThere = (await draft.read(key)) !== undefined;
      if (isThere && sent.metadata.name) throw alreadyExists(kind, next.metadata.name);
      if (!isThere) {
        await draftGuards(draft, { kind, key, next });
        draft.put(key, encode(next));
        if (request.dryRun) return next;
        const revision = await draft.commit();
        if (revision !== undefined) return withRevision(next, revision);
      }
      await this.#again(kind, next.metadata.name, tries);
    }
  }

  /** As the client wants it whole. Throws ApiError (NotFound, Conflict, Invalid). */
  replace(kind: AnyKind, place: Place, sent: ApiObject, request: WriteRequest): Promise<ApiObject> {
    const change: Change = (live) => this.changed(kind, live, { sent, ...request });
    return this.update(kind, place, change, request);
  }

  /** What an object becomes when a client sends this for it. Throws as `replace`. */
  changed(
    kind: AnyKind,
    live: ApiObject,
    { sent, subresource }: { readonly sent: ApiObject; readonly subresource?: "status" },
  ): ApiObject {
    return subresource ? withStatus(kind, live, sent) : replaced(kind, live, sent);
  }

  /** Makes a change, again where another came first. One that changes nothing is not written. */
  async update(
    kind: AnyKind,
    place: Place,
    change: Change,
    request: WriteRequest,
  ): Promise<ApiObject> {
    const key = keyOf(kind, place);
    for (let tries = 1; ; tries++) {
      const entry = await this.store.get(key);
      if (!entry) throw notFound(kind, place.name);
      const live = decodeEntry(entry);
      // Before what a change comes to could tell of the object who may not read it.
      request.admit?.({ old: live });
      const changed = change(live);
      if (equalJson(changed, live)) return live;
      refuseOwnLinks(kind, changed, live);
      const tracked = track(kind, { live, next: changed, now: this.now(), ...request });
      const next = withAttached(kind, tracked);
      request.admit?.({ old: live, next });
      if (equalJson(next, live)) return live;
      const draft = new Draft(this.store);
      draft.expect(key, entry.revision);
      const isGone =
        next.metadata.deletionTimestamp !== undefined && !next.metadata.finalizers?.length;
      if (isGone) {
        const going = { kind, key, entry, live, dryRun: request.dryRun };
        const done = await removeUnreferred(this.store, going);
        if (done) return withRevision(next, entry.revision);
        await this.#again(kind, place.name, tries);
        continue;
      }
      await draftGuards(draft, { kind, key, old: live, next });
      for (const condition of request.standsOn ?? []) {
        draft.expect(condition.key, condition.revision);
      }
      draft.put(key, encode(next));
      if (request.dryRun) return next;
      const revision = await draft.commit();
      if (revision !== undefined) return withRevision(next, revision);
      if (request.standsOn) throw conflict(kind, place.name);
      await this.#again(kind, place.name, tries);
    }
  }

  /**
   * Server-side apply: the manager's fields become those of `config`, a new object where there is
   * none. Throws ApiError (Conflict with causes unless forced, and as `create` and `update`).
   */
  async apply(
    kind: AnyKind,
    place: Place,
    { config, force }: { readonly config: ApiObject; readonly force: boolean },
    request: WriteRequest,
  ): Promise<{ readonly object: ApiObject; readonly created: boolean }> {
    const applying = { kind, config, force, ...pick(request), now: this.now() };
    const applied = { ...request, applied: true };
    const change: Change = (live) => {
      const wanted = apply({ ...applying, live }) as ApiObject;
      refuseOther(kind, live, config);
      const sent = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: "" } };
      return this.changed(kind, live, { sent, ...pick(request) });
    };
    for (let tries = 1; ; tries++) {
      const isThere = (await this.store.get(keyOf(kind, place))) !== undefined;
      if (!isThere && (request.subresource || config.metadata.uid)) {
        throw notFound(kind, place.name);
      }
      try {
        if (isThere) {
          const object = await this.update(kind, place, change, applied);
          return { object, created: false };
        }
        const object = await this.create(kind, apply(applying) as ApiObject, applied);
        return { object, created: true };
      } catch (error) {
        const { reason } = error as ApiError;
        const isRace = reason === (isThere ? "NotFound" : "AlreadyExists");
        if (!isRace || tries >= mostTries) throw error;
      }
    }
  }

  /** Throws ApiError (NotFound; Conflict where others refer to it, or a precondition fails). */
  delete(kind: AnyKind, place: Place, request: DeleteRequest = {}) {
    return deleteObject(this, kind, place, request);
  }

  async #again(kind: AnyKind, name: string, tries: number): Promise<void> {
    if (tries >= mostTries) {
      throw conflict(kind, name, `others changed it ${tries} times meanwhile: try again later`);
    }
    await pause(tries);
  }
}

const pick = ({ manager, subresource }: WriteRequest) => ({
  manager,
  ...(subresource && { subresource }),
});

function newSuffix(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(suffixLength));
  return [...bytes].map((byte) => suffixLetters[byte % suffixLetters.length]).join("");
}
