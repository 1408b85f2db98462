/** Requests for objects: which verb of which kind, and whether the caller may. */
import { hasStatus, type Verb, verbsOf } from "../../api/discovery.ts";
import { isObject } from "../../api/json.ts";
import { applyJsonPatch, readJsonPatch } from "../../api/json-patch.ts";
import { mergePatch, strategicPatch } from "../../api/merge-patch.ts";
import type { ApiObject } from "../../api/object.ts";
import { patchTypesOf } from "../../api/openapi/operations.ts";
import {
  badRequest,
  deleted,
  forbidden,
  methodNotAllowed,
  noSuchResource,
  serviceUnavailable,
  unsupportedMediaType,
} from "../../api/status-error.ts";
import { nodeSpecLines } from "../node-spec/stream.ts";
import type { MayDelete } from "../objects/dependents.ts";
import type { Place } from "../objects/keys.ts";
import type { Admit, WriteRequest } from "../objects/objects.ts";
import { readObject } from "../objects/prepare.ts";
import type { Attributes } from "./access.ts";
import { json } from "./answers.ts";
import { bodyType, createTypes, jsonTypes, readBody, readOptions } from "./body.ts";
import type { Call, Service } from "./context.ts";
import { checkListOptions, watchStartOf } from "./list-options.ts";
import { listAnswer } from "./listing.ts";
import {
  fieldOwnerOf,
  fieldValidationOf,
  flagOf,
  isDryRun,
  listRequestOf,
  nameSelected,
  numberOf,
  selectionOf,
} from "./query.ts";
import { representationOf } from "./representation.ts";
import type { ResourcePath } from "./resource-path.ts";
import { bornWith, withSecret } from "./token-birth.ts";
import { refuseTooLarge, streamed, watchLines } from "./watch.ts";

/** A call for objects. */
export interface ResourceCall extends Call {
  readonly path: ResourcePath;
}

/** A call that its caller may make, unless the object itself speaks against it. */
interface AllowedCall extends ResourceCall {
  readonly asked: Attributes;
  readonly admit: Admit;
  /** What of a list or watch the caller may see; set where that is not all of it. */
  readonly isSeen?: (object: ApiObject) => boolean;
  readonly mayDelete: MayDelete;
}

type Handler = (service: Service, call: AllowedCall) => Promise<Response>;

/** Verb → what does it. */
const handlers: Readonly<Record<string, Handler>> = {
  get: getOne,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteAll,
};

const verbs: Readonly<Record<string, readonly [one: string, all: string]>> = {
  GET: ["get", "list"],
  HEAD: ["get", "list"],
  POST: ["", "create"],
  PUT: ["update", ""],
  PATCH: ["patch", ""],
  DELETE: ["delete", "deletecollection"],
};
const ofStatus = ["get", "update", "patch"];
/** What is asked for, in one word. Throws ApiError (MethodNotAllowed, NotFound). */
function verbOf({ request, url, path }: ResourceCall): string {
  const [one, all] = verbs[request.method] ?? ["", ""];
  const isWatch = request.method === "GET" && flagOf(url.searchParams, "watch") && all === "list";
  const verb = isWatch && !path.subresource ? "watch" : path.name === undefined ? all : one;
  const isStatus = path.subresource === "status" && hasStatus(path.kind);
  if (path.subresource !== undefined && !isStatus) throw noSuchResource();
  const isAcrossNamespaces = path.kind.namespaced && path.namespace === undefined;
  const isRefused =
    verb === "" ||
    (isStatus && !ofStatus.includes(verb)) ||
    (isAcrossNamespaces && !["list", "watch"].includes(verb));
  if (isRefused) throw methodNotAllowed();
  return verb;
}

export async function serveResource(service: Service, call: ResourceCall): Promise<Response> {
  if (isNodeSpec(call.path)) return nodeSpec(service, call);
  const verb = verbOf(call);
  const allowed = await refuseUnlessAllowed(service, call, verb);
  const { kind, name, subresource } = call.path;
  if (kind.managed && subresource !== "status" && !verbsOf(kind).includes(verb as Verb)) {
    throw forbidden(kind, name ?? "", `only the server makes, changes and removes ${kind.plural}`);
  }
  if (!reading.includes(verb)) refuseUnaudited(service);
  const answer = await handlers[verb]!(service, allowed);
  if (!reading.includes(verb)) await service.access.changed(kind.plural);
  return answer;
}

const reading = ["get", "list", "watch"];

/** Nothing is changed that nobody could be told of. Throws ApiError (ServiceUnavailable). */
export function refuseUnaudited({ audit }: Service): void {
  if (audit?.trouble() === undefined) return;
  throw serviceUnavailable(
    "the audit log can't be written, as the server's log says: try again once it can",
  );
}

const isNodeSpec = ({ kind, name, subresource }: ResourcePath) =>
  kind.kind === "Host" && name !== undefined && subresource === "nodespec";

/** What an agent must know. It is only watched. */
async function nodeSpec(service: Service, call: ResourceCall): Promise<Response> {
  const { request, url, path } = call;
  if (request.method !== "GET" || !flagOf(url.searchParams, "watch")) throw methodNotAllowed();
  const { asked: attributes } = await refuseUnlessAllowed(service, call, "watch");
  const revision = numberOf(url.searchParams, "resourceVersion");
  const source = { store: service.objects.store, feed: service.feed };
  const asked = { host: path.name!, ...(revision && { revision }) };
  return streamed((signal) => nodeSpecLines(source, asked, signal), {
    ...timeoutOf(url.searchParams),
    hold: service.access.hold(call.identity, attributes),
    client: request.signal,
    breakOff: call.breakOff,
    ends: service.ends,
    log: service.log,
  });
}

const timeoutOf = (query: URLSearchParams) => {
  const seconds = numberOf(query, "timeoutSeconds");
  return seconds ? { timeoutMs: seconds * 1000 } : {};
};

export async function refuseUnlessAllowed(
  { access }: Service,
  call: ResourceCall,
  verb: string,
): Promise<AllowedCall> {
  const { identity, path, trail } = call;
  const { kind, namespace, subresource } = path;
  const name = path.name ?? nameInQuery(call, verb) ?? "";
  const { group, plural: resource } = kind;
  const asked: Attributes = {
    ...{ verb, group, resource, name },
    ...(namespace !== undefined && { namespace }),
    ...(subresource !== undefined && { subresource }),
  };
  trail.asked = asked;
  const refused = (reason?: string) => forbidden(kind, name, whyNot(call, verb, reason));
  const { allowed, reason, isPart } = await access.authorize(identity, asked);
  if (!allowed) throw refused(reason);
  const isSeen = (old: ApiObject) => access.admit(identity, asked, { old }).allowed;
  const admit: Admit = (affected) => {
    const decision = access.admit(identity, asked, affected);
    if (!decision.allowed) throw refused(decision.reason);
    trail.affected.set(affected.old?.metadata.uid ?? "", affected);
  };
  const mayDelete: MayDelete = async ({ group, plural }, namespace) => {
    const dependent = { verb: "delete", group, resource: plural, ...(namespace && { namespace }) };
    return (await access.authorize(identity, dependent)).allowed;
  };
  return { ...call, asked, admit, mayDelete, ...(isPart && { isSeen }) };
}

/** A name alone is no object where there are namespaces. */
function nameInQuery({ path, url }: ResourceCall, verb: string): string | undefined {
  if (verb !== "list" && verb !== "watch") return undefined;
  const { kind, namespace } = path;
  return kind.namespaced && namespace === undefined
    ? undefined
    : nameSelected(url.searchParams, kind);
}

function whyNot({ identity, path }: ResourceCall, verb: string, reason?: string): string {
  const { kind, namespace, subresource } = path;
  const what = subresource ? `${kind.plural}/${subresource}` : kind.plural;
  const where =
    namespace === undefined ? " at the cluster scope" : ` in the namespace "${namespace}"`;
  return (
    `User "${identity.user}" cannot ${verb} resource "${what}" in API group "${kind.group}"` +
    where +
    (reason ? `: ${reason}` : "")
  );
}

const placeOf = ({ namespace, name }: ResourcePath): Place => ({
  ...(namespace !== undefined && { namespace }),
  name: name!,
});

async function getOne({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, admit } = call;
  const representation = representationOf(path.kind, request);
  const object = await objects.get(path.kind, placeOf(path));
  admit({ old: object });
  return json(representation.one(object));
}

async function list({ objects, log }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url, breakOff, isSeen } = call;
  const representation = representationOf(path.kind, request);
  const selection = { ...selectionOf(url.searchParams, path.kind, path), isSeen };
  checkListOptions(url.searchParams);
  const others = objects.portions(path.kind, listRequestOf(url.searchParams, selection));
  // What it throws is an answer of its own; later ones can only be broken off.
  const first = (await others.next()).value!;
  refuseTooLarge(numberOf(url.searchParams, "resourceVersion"), first.revision);
  return listAnswer({ first, others, representation }, { log, breakOff });
}

async function watch(service: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url } = call;
  const query = url.searchParams;
  const selection = { ...selectionOf(query, path.kind, path), isSeen: call.isSeen };
  const watching = {
    kind: path.kind,
    selection,
    start: watchStartOf(query),
    bookmarks: flagOf(query, "allowWatchBookmarks"),
    representation: representationOf(path.kind, request),
  };
  return streamed((signal) => watchLines(service, watching, signal), {
    ...timeoutOf(query),
    hold: service.access.hold(call.identity, call.asked, call.isSeen !== undefined),
    client: request.signal,
    breakOff: call.breakOff,
    ends: service.ends,
    log: service.log,
  });
}

function writeOf({ request, url, path, admit, trail }: AllowedCall): WriteRequest {
  const dryRun = isDryRun(url.searchParams);
  trail.dryRun = dryRun;
  return {
    dryRun,
    admit,
    manager: fieldOwnerOf(url.searchParams, request),
    ...(path.subresource === "status" && { subresource: "status" as const }),
  };
}

async function create({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url } = call;
  const representation = representationOf(path.kind, request);
  const { value } = await readBody(request, createTypes);
  const place = { namespace: path.namespace };
  const fieldValidation = fieldValidationOf(url.searchParams);
  const { object, warnings } = readObject(path.kind, value, { place, fieldValidation });
  const birth = bornWith(path.kind);
  const made = await objects.create(path.kind, object, { ...writeOf(call), ...birth });
  return json(representation.one(withSecret(made, birth)), { code: 201, warnings });
}

async function update({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url } = call;
  const representation = representationOf(path.kind, request);
  const { value } = await readBody(request, jsonTypes);
  const place = placeOf(path);
  const fieldValidation = fieldValidationOf(url.searchParams);
  const { object, warnings } = readObject(path.kind, value, { place, fieldValidation });
  const next = await objects.replace(path.kind, place, object, writeOf(call));
  return json(representation.one(next), { warnings });
}

function patch(service: Service, call: AllowedCall): Promise<Response> {
  const type = bodyType(call.request);
  const types = patchTypesOf(call.path.kind);
  if (!types.includes(type)) throw unsupportedMediaType(types);
  return type.startsWith("application/apply") ? applyPatch(service, call) : merge(service, call);
}

async function merge({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url } = call;
  const representation = representationOf(path.kind, request);
  const { type, value } = await readBody(request, patchTypesOf(path.kind));
  const patched = patcher(type, value);
  const place = placeOf(path);
  const fieldValidation = fieldValidationOf(url.searchParams);
  let warnings: readonly string[] = [];
  const change = (live: ApiObject) => {
    const wanted = patched(live);
    const read = readObject(path.kind, wanted, { place, fieldValidation });
    warnings = read.warnings;
    return objects.changed(path.kind, live, { sent: read.object, ...writeOf(call) });
  };
  const next = await objects.update(path.kind, place, change, writeOf(call));
  return json(representation.one(next), { warnings });
}

/** What a patch makes of an object. */
function patcher(type: string, patch: unknown): (live: ApiObject) => unknown {
  if (type === "application/json-patch+json") {
    const operations = readJsonPatch(patch);
    return (live) => applyJsonPatch(live, operations);
  }
  if (!isObject(patch)) throw badRequest("a merge patch is a JSON object");
  const merge = type.startsWith("application/strategic") ? strategicPatch : mergePatch;
  return (live) => merge(live, patch);
}

async function applyPatch({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, request, url } = call;
  const query = url.searchParams;
  const representation = representationOf(path.kind, request);
  const { value } = await readBody(request, patchTypesOf(path.kind));
  if (!query.get("fieldManager")) {
    throw badRequest("PatchOptions.meta.k8s.io is invalid: fieldManager: Required value");
  }
  const place = placeOf(path);
  const fieldValidation = fieldValidationOf(query);
  const { object, warnings } = readObject(path.kind, value, { place, fieldValidation });
  if (object.metadata.managedFields) throw badRequest("metadata.managedFields must be nil");
  const force = flagOf(query, "force");
  const birth = bornWith(path.kind);
  const write = { ...writeOf(call), ...birth };
  const done = await objects.apply(path.kind, place, { config: object, force }, write);
  const made = done.created ? withSecret(done.object, birth) : done.object;
  return json(representation.one(made), { code: done.created ? 201 : 200, warnings });
}

async function deleteOne({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path } = call;
  const request = await deleteRequestOf(call);
  const { object, gone } = await objects.delete(path.kind, placeOf(path), request);
  const { name, uid } = object.metadata;
  return json(gone ? deleted(path.kind, name, uid) : object);
}

async function deleteAll({ objects }: Service, call: AllowedCall): Promise<Response> {
  const { path, url } = call;
  const selection = selectionOf(url.searchParams, path.kind, path);
  const request = await deleteRequestOf(call);
  const { items, revision } = await objects.list(path.kind, selection);
  for (const { metadata } of items) {
    try {
      await objects.delete(path.kind, metadata, request);
    } catch (error) {
      if ((error as { readonly reason?: string }).reason !== "NotFound") throw error;
    }
  }
  const { list } = representationOf(path.kind, call.request);
  return json(list(items, { resourceVersion: String(revision) }));
}

const propagations = ["Foreground", "Background", "Orphan"];

/** Foreground: what refers to it goes too. kubectl says Background unless it is told so. */
async function deleteRequestOf({ request, url, admit, mayDelete, trail }: AllowedCall) {
  const options = await readOptions(request);
  const policy = options.propagationPolicy ?? url.searchParams.get("propagationPolicy");
  if (policy && !propagations.includes(String(policy))) {
    throw badRequest(
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: ` +
        propagations.map((each) => JSON.stringify(each)).join(", "),
    );
  }
  const { uid, resourceVersion } = isObject(options.preconditions) ? options.preconditions : {};
  const dryRun = isDryRun(url.searchParams, options);
  trail.dryRun = dryRun;
  return {
    ...{ dryRun, admit, mayDelete },
    cascade: policy === "Foreground",
    ...(typeof uid === "string" && { uid }),
    ...(typeof resourceVersion === "string" && { resourceVersion }),
  };
}
