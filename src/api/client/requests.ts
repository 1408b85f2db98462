/** The requests that a resource's calls are. */
import { apiVersionOf, type Kind } from "../kind.ts";
import type { ObjectMeta } from "../object.ts";
import { rootOf } from "../openapi/operations.ts";
import { ifAbsent, type Status } from "../status-error.ts";
import type {
  DeleteOptions,
  ListOptions,
  ObjectList,
  ObjectName,
  Part,
  Resource,
  Selection,
  Send,
  SendRequest,
  WatchOptions,
  WriteOptions,
} from "./resource.ts";

type Kept = { readonly metadata: ObjectMeta };
type AnyKind = Kind<any, any>;

/** The resource of a kind, with `manager` as the field manager unless a call names another. */
export function resourceOf<O extends Kept>(
  send: Send,
  kind: AnyKind,
  manager: string | undefined,
): Resource<O> {
  const write: Write<O> = async (path, { options, ...request }) =>
    (await send.json(path, {
      ...request,
      query: { ...request.query, ...writeQuery({ fieldManager: manager, ...options }) },
      signal: options.signal,
    })) as O;
  const list = (options: ListOptions = {}) => listOf<O>(send, kind, options);
  return {
    ...partOf(send, kind, { suffix: "", write }),
    kind,
    status: partOf(send, kind, { suffix: "/status", write }),
    list,
    each: (options = {}) => eachOf(list, options),
    create: (draft, options = {}) =>
      write(collection(kind, draft.metadata.namespace), {
        method: "POST",
        body: typed(kind, draft),
        options,
      }),
    delete: async (name, { signal, ...options } = {}) =>
      (await send.json(place(kind, name), {
        method: "DELETE",
        body: deleteOptions(options),
        signal,
      })) as O | Status,
    deleteCollection: ({ signal, namespace, labelSelector, fieldSelector, ...options }) =>
      send.json(collection(kind, namespace), {
        method: "DELETE",
        query: { labelSelector, fieldSelector },
        body: deleteOptions(options),
        signal,
      }),
    watch: (options = {}) =>
      send.events(collection(kind, options.namespace), {
        query: watchQuery(options),
        signal: options.signal,
        onOpen: options.onOpen,
      }),
  };
}

type Write<O> = (
  path: string,
  request: Omit<SendRequest, "signal"> & { readonly options: WriteOptions },
) => Promise<O>;

function partOf<O extends Kept>(
  send: Send,
  kind: AnyKind,
  { suffix, write }: { readonly suffix: string; readonly write: Write<O> },
): Part<O> {
  const path = (name: Partial<ObjectName>) => place(kind, name) + suffix;
  const get: Part<O>["get"] = async (name, { signal } = {}) =>
    (await send.json(path(name), { signal })) as O;
  return {
    get,
    find: (name, options) => get(name, options).catch(ifAbsent),
    replace: (object, options = {}) =>
      write(path(object.metadata), { method: "PUT", body: typed(kind, object), options }),
    mergePatch: (name, patch, options = {}) =>
      write(path(name), {
        method: "PATCH",
        body: patch,
        contentType: "application/merge-patch+json",
        options,
      }),
    apply: (draft, options) =>
      write(path(draft.metadata), {
        method: "PATCH",
        body: typed(kind, draft),
        contentType: "application/apply-patch+yaml",
        query: { force: options.force },
        options,
      }),
  };
}

/** Of all objects of a kind, those of a namespace, or one, such as `/api/v1/namespaces/default`. */
export const pathOf = (kind: AnyKind, { namespace, name }: Partial<ObjectName> = {}): string =>
  name === undefined ? collection(kind, namespace) : place(kind, { namespace, name });

const typed = (kind: AnyKind, draft: object) => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  ...draft,
});

const collection = (kind: AnyKind, namespace: string | undefined) =>
  kind.namespaced && namespace
    ? `${rootOf(kind)}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}`
    : `${rootOf(kind)}/${kind.plural}`;

function place(kind: AnyKind, { name, namespace }: Partial<ObjectName>): string {
  if (!name) throw new Error(`Cannot address an object of kind ${kind.kind} without its name`);
  if (kind.namespaced && !namespace) {
    throw new Error(`Cannot address ${kind.singular} "${name}" without its namespace`);
  }
  return `${collection(kind, namespace)}/${encodeURIComponent(name)}`;
}

async function listOf<O>(send: Send, kind: AnyKind, options: ListOptions): Promise<ObjectList<O>> {
  const { limit, resourceVersion, resourceVersionMatch, signal } = options;
  const found = (await send.json(collection(kind, options.namespace), {
    query: {
      ...selectionQuery(options),
      limit,
      continue: options.continue,
      resourceVersion,
      resourceVersionMatch,
    },
    signal,
  })) as ObjectList<object>;
  // Kubernetes' servers leave kind and version out of a list's items.
  return { ...found, items: (found.items ?? []).map((item) => typed(kind, item) as O) };
}

async function* eachOf<O>(
  list: (options: ListOptions) => Promise<ObjectList<O>>,
  { resourceVersion, resourceVersionMatch, ...rest }: ListOptions,
): AsyncGenerator<O> {
  // Later parts are of the first one's version.
  let from: ListOptions = { resourceVersion, resourceVersionMatch };
  for (;;) {
    const { items, metadata } = await list({ limit: 500, ...rest, ...from });
    yield* items;
    if (!metadata.continue) return;
    from = { continue: metadata.continue };
  }
}

const writeQuery = ({ dryRun, fieldManager, fieldValidation }: WriteOptions) => ({
  dryRun: dryRun ? "All" : undefined,
  fieldManager,
  fieldValidation,
});

const selectionQuery = ({ labelSelector, fieldSelector }: Selection) => ({
  labelSelector,
  fieldSelector,
});

const watchQuery = (options: WatchOptions) => ({
  ...selectionQuery(options),
  watch: true,
  allowWatchBookmarks: true,
  resourceVersion: options.resourceVersion,
  timeoutSeconds: options.timeoutSeconds,
  ...(options.sendInitialEvents && {
    sendInitialEvents: true,
    resourceVersionMatch: "NotOlderThan",
  }),
});

const deleteOptions = ({ dryRun, ...options }: Omit<DeleteOptions, "signal">) => ({
  kind: "DeleteOptions",
  apiVersion: "v1",
  ...options,
  ...(dryRun && { dryRun: ["All"] }),
});
