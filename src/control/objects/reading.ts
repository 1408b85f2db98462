/** Objects read from the store: one, or a list in pages that all show one moment. */
import { type FieldRequirement, matchesFields } from "../../api/field-selectors.ts";
import type { Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";
import { matchesLabels, type Requirement } from "../../api/selectors.ts";
import { badRequest, expired, notFound } from "../../api/status-error.ts";
import { CompactedError, type Entry, type Listing, type Store } from "../store/store.ts";
import { keyOf, type Place, prefixOf } from "./keys.ts";
import { othersFirst } from "./others-first.ts";
import { decodeEntry } from "./stored.ts";

type AnyKind = Kind<any, any>;

/** Which objects of a kind. All that is given must hold. */
export interface Selection {
  /** All namespaces unless set. */
  readonly namespace?: string;
  readonly labels?: readonly Requirement[];
  readonly fields?: readonly FieldRequirement[];
  /** Whether whoever asks may see this very object; all of them unless set. */
  readonly isSeen?: (object: ApiObject) => boolean;
}

export interface ListRequest extends Selection {
  readonly limit?: number;
  /** From an earlier page. */
  readonly continue?: string;
  /** As it was exactly then. */
  readonly revision?: number;
}

export interface Page {
  readonly items: readonly ApiObject[];
  readonly revision: number;
  /** Asks for the next page; absent on the last. */
  readonly continue?: string;
}

/** An entry of a list; what it says is read where somebody wants to know. */
export class Listed {
  readonly entry: Entry;
  #object: ApiObject | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
  }

  get object(): ApiObject {
    this.#object ??= decodeEntry(this.entry);
    return this.#object;
  }
}

/** A part of a list. All parts show one moment. */
export interface Portion {
  readonly listed: readonly Listed[];
  readonly revision: number;
  /** Of the last one, where a limit cut the list. */
  readonly continue?: string;
}

/** What is read at once: entries, and UTF-16 units of their values. */
export const portionLimits = { limit: 1000, size: 2 ** 20 } as const;

export const selected = (
  { labels = [], fields = [], isSeen }: Selection,
  object: ApiObject,
): boolean =>
  matchesLabels(labels, object.metadata.labels) &&
  matchesFields(fields, object) &&
  (isSeen?.(object) ?? true);

/** Throws ApiError (NotFound). */
export async function readObject(store: Store, kind: AnyKind, place: Place): Promise<ApiObject> {
  const entry = await store.get(keyOf(kind, place));
  if (!entry) throw notFound(kind, place.name);
  return decodeEntry(entry);
}

/** Throws as `listPortions`. */
export async function listObjects(
  store: Store,
  kind: AnyKind,
  request: ListRequest,
): Promise<Page> {
  const items: ApiObject[] = [];
  let last: Omit<Portion, "listed"> = { revision: 0 };
  for await (const { listed, ...rest } of listPortions(store, kind, request)) {
    for (const { object } of listed) items.push(object);
    last = rest;
  }
  return { items, ...last };
}

/**
 * A list in portions, at least one, each read when it is asked for. Throws ApiError (Expired where
 * the moment is forgotten, also between two; BadRequest).
 */
export async function* listPortions(
  store: Store,
  kind: AnyKind,
  request: ListRequest,
): AsyncGenerator<Portion, void> {
  const prefix = prefixOf(kind, request.namespace);
  const token = request.continue ? readToken(request.continue) : undefined;
  const { labels, fields, isSeen } = request;
  const isSelective = Boolean(labels?.length || fields?.length || isSeen);
  let revision = token?.revision ?? request.revision;
  let after = token && prefix + token.after;
  let left = request.limit || Number.POSITIVE_INFINITY;
  for (;;) {
    const listing = await listChunk(store, prefix, { revision, after });
    revision ??= listing.revision;
    const listed: Listed[] = [];
    for (const entry of listing.entries) {
      if (left === 0) break;
      after = entry.key;
      const each = new Listed(entry);
      if (isSelective && !selected(request, each.object)) continue;
      listed.push(each);
      left--;
    }
    const isWhole = !listing.more && after === listing.entries.at(-1)?.key;
    yield {
      listed,
      revision,
      ...(left === 0 &&
        !isWhole && { continue: writeToken(revision, after!.slice(prefix.length)) }),
    };
    if (left === 0 || !listing.more) return;
    await othersFirst();
  }
}

async function listChunk(
  store: Store,
  prefix: string,
  { revision, after }: { readonly revision?: number; readonly after?: string },
): Promise<Listing> {
  try {
    return await store.list(prefix, { ...portionLimits, revision, after });
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw expired(
      "The provided continue parameter is too old to display a consistent list result: " +
        "start a new list without the continue parameter.",
    );
  }
}

const writeToken = (revision: number, after: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify([revision, after]))));

function readToken(text: string): { readonly revision: number; readonly after: string } {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const [revision, after] = JSON.parse(new TextDecoder().decode(bytes)) as unknown[];
    if (Number.isSafeInteger(revision) && (revision as number) > 0 && typeof after === "string") {
      return { revision: revision as number, after };
    }
  } catch {
    // Said below, as of any text that is none of ours.
  }
  throw badRequest("continue key is not valid: list again without it");
}
