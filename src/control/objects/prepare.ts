/** What becomes of an object that a client sent, before the store sees it. Pure. */
import { equalJson, isObject, type JsonObject, own } from "../../api/json.ts";
import { apiVersionOf, type Kind } from "../../api/kind.ts";
import { objectFaults, objectSchemaOf } from "../../api/metadata.ts";
import type { ApiObject, Fault, ObjectMeta } from "../../api/object.ts";
import { prune, unknownFields, withDefaults } from "../../api/shape.ts";
import { badRequest, conflict, invalid, strictDecodingError } from "../../api/status-error.ts";
import { changedImmutables, overlong } from "../../api/validate.ts";
import type { Place } from "./keys.ts";

type AnyKind = Kind<any, any>;

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** An object of the kind, and what to warn its sender of. */
export interface Read {
  readonly object: ApiObject;
  readonly warnings: readonly string[];
}

/**
 * Reads what a client sent for an object at this place: of the right kind, without fields that
 * nobody knows. Throws ApiError (BadRequest).
 */
export function readObject(
  kind: AnyKind,
  body: unknown,
  { place, fieldValidation }: { place: Partial<Place>; fieldValidation: FieldValidation },
): Read {
  if (!isObject(body)) throw badRequest("the body of the request is no object");
  const apiVersion = apiVersionOf(kind);
  if (body.kind !== kind.kind || body.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${body.apiVersion}, kind ${body.kind}) does not match the ` +
        `expected API version (${apiVersion}, kind ${kind.kind})`,
    );
  }
  const schema = objectSchemaOf(kind);
  const long = overlong(schema, body, "");
  if (long.length > 0) throw invalid(kind, nameIn(body, place), long, body);
  const unknown = fieldValidation === "Ignore" ? [] : unknownFields(schema, body, "");
  if (unknown.length > 0 && fieldValidation === "Strict") throw strictDecodingError(kind, unknown);
  const sent = prune(schema, body);
  const metadata = isObject(sent.metadata) ? sent.metadata : {};
  const object = { ...sent, metadata: placed(metadata, place), spec: sent.spec ?? {} };
  return {
    object: object as unknown as ApiObject,
    warnings: unknown.map((path) => `unknown field "${path}"`),
  };
}

const nameIn = ({ metadata }: JsonObject, { name }: Partial<Place>): string =>
  name ?? String(own(metadata, "name") ?? "");

/** The path says where an object belongs; the object may be silent, but not say otherwise. */
function placed(metadata: Readonly<Record<string, unknown>>, { namespace, name }: Partial<Place>) {
  const said = metadata.namespace ?? "";
  if (said !== "" && said !== (namespace ?? "")) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request`,
    );
  }
  if (name !== undefined && (metadata.name ?? name) !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const { namespace: _, ...rest } = metadata;
  return { ...rest, ...(name !== undefined && { name }), ...(namespace && { namespace }) };
}

export interface Birth {
  readonly uid: string;
  /** RFC 3339. */
  readonly now: string;
  /** What a generated name ends with. */
  readonly suffix: string;
}

/** A new object with all that the server sets. Throws ApiError (Invalid). */
export function newObject(kind: AnyKind, sent: ApiObject, birth: Birth): ApiObject {
  const { name, generateName, namespace, labels, annotations, finalizers } = sent.metadata;
  const { ownerReferences, managedFields } = sent.metadata;
  const metadata: ObjectMeta = {
    name: name || (generateName ? generateName + birth.suffix : ""),
    ...(generateName && { generateName }),
    ...(namespace && { namespace }),
    uid: birth.uid,
    generation: 1,
    resourceVersion: "",
    creationTimestamp: birth.now,
    ...present({
      labels: labelsOf(kind, { name: name || "", labels }),
      ...{ annotations, finalizers, ownerReferences, managedFields },
    }),
  };
  const made = ordered({
    ...withDefaults(objectSchemaOf(kind), sent),
    metadata,
    status: undefined,
  });
  const object = kind.kind === "Namespace" ? { ...made, status: { phase: "Active" } } : made;
  refuseFaults(kind, object, objectFaults(kind, object));
  return object;
}

/** As in Kubernetes, each namespace can be selected by its name. */
const labelsOf = (kind: AnyKind, { name, labels }: Pick<ObjectMeta, "name" | "labels">) =>
  kind.kind === "Namespace" && name !== ""
    ? { ...labels, "kubernetes.io/metadata.name": name }
    : labels;

/** Members that are worth keeping. */
const present = (members: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) =>
      isObject(value) ? Object.keys(value).length > 0 : (value as unknown[])?.length,
    ),
  );

/** In the order in which people read. */
const ordered = ({ apiVersion, kind, metadata, spec, status }: ApiObject): ApiObject => ({
  apiVersion,
  kind,
  metadata,
  spec,
  ...(status !== undefined && { status }),
});

/** Throws ApiError (Invalid) where there are faults. */
export function refuseFaults(kind: AnyKind, object: ApiObject, faults: readonly Fault[]): void {
  if (faults.length > 0) throw invalid(kind, object.metadata.name, faults, object);
}

/**
 * The object as a client wants it from now on: its status stays, and what of the metadata is the
 * server's. Throws ApiError (Invalid, Conflict).
 */
export function replaced(kind: AnyKind, live: ApiObject, sent: ApiObject): ApiObject {
  refuseOther(kind, live, sent);
  const { annotations, ownerReferences, managedFields } = sent.metadata;
  const labels = labelsOf(kind, { name: live.metadata.name, labels: sent.metadata.labels });
  // What goes may only become lighter.
  const finalizers = live.metadata.deletionTimestamp
    ? sent.metadata.finalizers?.filter((each) => live.metadata.finalizers?.includes(each))
    : sent.metadata.finalizers;
  const { spec } = withDefaults(objectSchemaOf(kind), sent);
  const metadata: ObjectMeta = {
    ...serverOwned(live.metadata),
    ...present({ labels, annotations, finalizers, ownerReferences, managedFields }),
    generation: live.metadata.generation + (equalJson(spec, live.spec) ? 0 : 1),
  };
  const next = ordered({ ...live, metadata, spec });
  const immutables = changedImmutables(kind.spec, live.spec, spec, "spec");
  refuseFaults(kind, next, immutables.length > 0 ? immutables : objectFaults(kind, next));
  return next;
}

/** The object with the status that was sent, and nothing else of it. Throws as `replaced`. */
export function withStatus(kind: AnyKind, live: ApiObject, sent: ApiObject): ApiObject {
  refuseOther(kind, live, sent);
  const { status } = withDefaults(objectSchemaOf(kind), sent);
  const managedFields = sent.metadata.managedFields ?? live.metadata.managedFields;
  const metadata = { ...live.metadata, ...(managedFields && { managedFields }) };
  const next = ordered({ ...live, metadata, status });
  refuseFaults(kind, next, objectFaults(kind, next));
  return next;
}

function serverOwned(metadata: ObjectMeta): ObjectMeta {
  const { labels, annotations, finalizers, ownerReferences, managedFields, ...rest } = metadata;
  return rest;
}

/** Who read another object than there is now must read again. */
export function refuseOther(kind: AnyKind, live: ApiObject, { metadata }: ApiObject): void {
  const { name, uid, resourceVersion } = live.metadata;
  if (metadata.uid && metadata.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== resourceVersion) {
    throw conflict(kind, name);
  }
}
