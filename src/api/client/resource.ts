/** What a client can do with the objects of one kind. */
import type { Kind } from "../kind.ts";
import type { WatchEvent } from "../node-spec.ts";
import type { ObjectMeta } from "../object.ts";
import type { Status } from "../status-error.ts";

/** Which object. Cluster-scoped kinds have no namespace. */
export interface ObjectName {
  readonly name: string;
  readonly namespace?: string;
}

type Deep<V> = V extends readonly (infer I)[]
  ? readonly Deep<I>[]
  : V extends object
    ? { readonly [K in keyof V]?: Deep<V[K]> }
    : V;

/** What a client sends: the server fills in the rest. */
export type Draft<O> = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Partial<ObjectMeta>;
} & (O extends { spec: infer Spec } ? { readonly spec?: Deep<Spec> } : unknown) &
  (O extends { status?: infer Status } ? { readonly status?: Deep<Status> } : unknown);

export interface Selection {
  /** All namespaces unless set. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly signal?: AbortSignal;
}

export interface ListOptions extends Selection {
  readonly limit?: number;
  /** From `metadata.continue` of the part before. */
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
}

export interface WatchOptions extends Selection {
  /** Changes after this; from now unless set. */
  readonly resourceVersion?: string;
  /** How long it may last. */
  readonly timeoutSeconds?: number;
  /** First all that there is, then a BOOKMARK. */
  readonly sendInitialEvents?: boolean;
  /** Called when a server has taken it on, before the first event. */
  readonly onOpen?: () => void;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
  readonly signal?: AbortSignal;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields that others own. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly dryRun?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  readonly gracePeriodSeconds?: number;
  readonly signal?: AbortSignal;
}

export interface ObjectList<O> {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly O[];
}

/** Sends a request below the root; gives the answer's JSON. Throws ApiError, UnreachableError. */
export interface Send {
  json(path: string, request?: SendRequest): Promise<unknown>;
  /** A watch: see `Resource.watch`. */
  events(
    path: string,
    request?: SendRequest & Pick<WatchOptions, "onOpen">,
  ): AsyncGenerator<WatchEvent<any>>;
}

export interface SendRequest {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The media type of the answer; `application/json` unless set. */
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** The status, or the whole object: what both can do. */
export interface Part<O> {
  get(name: ObjectName, options?: { readonly signal?: AbortSignal }): Promise<O>;
  /** Undefined where there is none. */
  find(name: ObjectName, options?: { readonly signal?: AbortSignal }): Promise<O | undefined>;
  /** Conflict, unless `metadata.resourceVersion` is absent or the object's own. */
  replace(object: O, options?: WriteOptions): Promise<O>;
  mergePatch(name: ObjectName, patch: object, options?: WriteOptions): Promise<O>;
  /** Server-side apply. Conflict where others own fields of it, unless forced. */
  apply(draft: Draft<O>, options: ApplyOptions & { readonly fieldManager: string }): Promise<O>;
}

/** All of it throws ApiError where the server refuses, UnreachableError where none answers. */
export interface Resource<O> extends Part<O> {
  readonly kind: Kind<any, any>;
  readonly status: Part<O>;
  list(options?: ListOptions): Promise<ObjectList<O>>;
  /** All objects, part by part. Expired (410) where it takes too long: begin again. */
  each(options?: ListOptions): AsyncGenerator<O>;
  create(draft: Draft<O>, options?: WriteOptions): Promise<O>;
  /** The object where it must still be cleaned up, or a Status of success. */
  delete(name: ObjectName, options?: DeleteOptions): Promise<O | Status>;
  deleteCollection(selection: Selection & DeleteOptions): Promise<unknown>;
  /**
   * Until the server ends it, or the signal does. Throws ApiError, of which Expired (410) says to
   * list, and UnreachableError where it breaks off or nothing, not even a bookmark, comes for long.
   */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent<O>>;
}
