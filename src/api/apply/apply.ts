/**
 * Server-side apply: each manager owns the fields that it sets, and what it no longer sets goes
 * unless somebody else owns it. Pure: the caller checks, fills in defaults and writes.
 * Source: Kubernetes' documentation, "Server-Side Apply".
 */
import { isObject, type JsonObject, objectOf, own } from "../json.ts";
import { apiVersionOf, type Kind } from "../kind.ts";
import { objectSchemaOf } from "../metadata.ts";
import type { Fault } from "../object.ts";
import type { ObjectSchema, Schema } from "../schema.ts";
import { prune } from "../shape.ts";
import { badRequest, invalid } from "../status-error.ts";
import { type ApplyConflict, applyConflict } from "./conflict.ts";
import { difference, type FieldSet, intersection, isEmpty, noFields, union } from "./field-set.ts";
import {
  isSameOwner,
  type Owner,
  readOwners,
  setFields,
  takeFrom,
  writeOwners,
} from "./managers.ts";
import { overlay, without, withoutEmptyLists } from "./merge.ts";
import { compare, elementOf, fieldsOf, isAssociative } from "./parts.ts";

/** Who writes what. */
export interface Writing {
  readonly kind: Kind<any, any>;
  /** What is there; undefined: nothing. */
  readonly live?: object;
  /** `fieldManager`: at most 128 characters. */
  readonly manager: string;
  /** RFC 3339, in whole seconds. */
  readonly now: string;
  /** Absent: the object itself, its status apart. */
  readonly subresource?: "status";
}

export interface Application extends Writing {
  /** The fields that the manager wants, no others. */
  readonly config: object;
  /** Takes fields that others own. */
  readonly force: boolean;
}

/** Of metadata, what users own. */
const ownedMetadata = ["labels", "annotations", "finalizers", "ownerReferences"];

/** The schema of what a writing may own: identity and others' parts are nobody's. */
function ownedSchema({ kind, subresource }: Writing): ObjectSchema {
  const whole = objectSchemaOf(kind);
  const { metadata, spec, status } = whole.fields as Record<string, ObjectSchema>;
  if (subresource === "status") return { ...whole, fields: { status: status! } };
  const fields = Object.fromEntries(ownedMetadata.map((name) => [name, metadata!.fields[name]!]));
  return { ...whole, fields: { metadata: { ...metadata!, fields }, spec: spec! } };
}

/** The fields of what a writing may own: its parts, but not `spec` and `metadata` as such. */
function ownedFields(schema: ObjectSchema, object: JsonObject): FieldSet {
  const set = fieldsOf(schema, object);
  const parts = [...set.children].filter(([, child]) => child.children.size > 0);
  return { own: false, children: new Map(parts) };
}

/**
 * The object as it is after `config` is applied, with its managedFields. Throws ApiError: Conflict
 * with causes, Invalid where a keyed list's items can't be told apart, BadRequest.
 */
export function apply(application: Application): object {
  const { kind, force, now } = application;
  const schema = ownedSchema(application);
  const config = withoutEmptyLists(
    schema,
    ownedPart(schema, application.config as JsonObject),
  ) as JsonObject;
  const faults = itemFaults(schema, config, "");
  if (faults.length > 0) {
    throw invalid(
      kind,
      String(own(own(application.config, "metadata"), "name") ?? ""),
      faults,
      config,
    );
  }
  const live = ownedPart(schema, (application.live ?? {}) as JsonObject);
  const owners = ownersBefore(application, schema);
  const self = ownerOf(application, "Apply");
  const last = owners.find((owner) => isSameOwner(owner, self))?.fields ?? noFields;
  const wanted = ownedFields(schema, config);
  const others = owners.filter((owner) => !isSameOwner(owner, self));
  const kept = others.reduce((all, { fields }) => union(all, fields), wanted);
  const merged = overlay(schema, live, config) as JsonObject;
  const result = withoutGivenUp(schema, merged, { last, kept });
  const { changed, removed } = compare(schema, live, result);
  const conflicts = others.flatMap((owner): ApplyConflict[] => {
    const fields = intersection(owner.fields, changed);
    return isEmpty(fields) ? [] : [{ owner, fields }];
  });
  if (conflicts.length > 0 && !force) throw applyConflict(conflicts);
  const left = takeFrom(owners, self, union(changed, removed));
  const touch = !isEmpty(changed) || !isEmpty(removed);
  const after = setFields(left, { ...self, time: now }, { fields: wanted, touch });
  return assembled(application, result, after);
}

/**
 * `updated`, the object as it shall be, with its managedFields: the manager owns what differs from
 * `live`. An updater may set managedFields itself; `[{}]` forgets them. Throws BadRequest.
 */
export function trackUpdate(writing: Writing & { readonly updated: object }): object {
  const schema = ownedSchema(writing);
  const live = ownedPart(schema, (writing.live ?? {}) as JsonObject);
  const updated = ownedPart(schema, writing.updated as JsonObject);
  const given = own(own(writing.updated, "metadata"), "managedFields");
  const isGiven = Array.isArray(given) && given.length > 0;
  const liveFields = own(own(writing.live, "metadata"), "managedFields");
  const owners = readOwners(isGiven ? given : liveFields);
  const self = ownerOf(writing, "Update");
  const { changed, removed } = compare(schema, live, updated);
  const mine = owners.find((owner) => isSameOwner(owner, self))?.fields ?? noFields;
  const left = takeFrom(owners, self, union(changed, removed));
  const fields = union(difference(mine, removed), ownable(changed));
  const after = setFields(left, { ...self, time: writing.now }, { fields });
  return assembled({ ...writing, live: writing.updated }, updated, after);
}

/** Without `spec` and `metadata` as such. */
const ownable = (set: FieldSet): FieldSet => ({
  own: false,
  children: new Map([...set.children].filter(([, child]) => child.children.size > 0)),
});

function ownerOf(writing: Writing, operation: Owner["operation"]): Omit<Owner, "fields"> {
  const { kind, manager, subresource } = writing;
  if (manager === "" || manager.length > 128 || /\p{Cc}/u.test(manager)) {
    throw badRequest("fieldManager must be text of 1 to 128 printable characters");
  }
  return {
    manager,
    operation,
    apiVersion: apiVersionOf(kind),
    ...(subresource && { subresource }),
  };
}

/** What was there before anybody was tracked belongs to somebody too, as in Kubernetes. */
function ownersBefore({ live, kind }: Writing, schema: ObjectSchema): Owner[] {
  const owners = readOwners(own(own(live, "metadata"), "managedFields"));
  if (owners.length > 0 || !live) return owners;
  const fields = ownedFields(schema, ownedPart(schema, live as JsonObject));
  const manager = "before-first-apply";
  return [{ manager, operation: "Update", apiVersion: apiVersionOf(kind), fields }];
}

const ownedPart = (schema: ObjectSchema, object: JsonObject): JsonObject => prune(schema, object);

function withoutGivenUp(
  schema: ObjectSchema,
  merged: JsonObject,
  { last, kept }: { readonly last: FieldSet; readonly kept: FieldSet },
): JsonObject {
  const parts = Object.entries(merged).map(([name, inner]): [string, unknown] => {
    const element = `f:${name}`;
    const given = last.children.get(element) ?? noFields;
    const left = kept.children.get(element) ?? noFields;
    // `spec` and `metadata` themselves always stay.
    return [name, without(schema.fields[name]!, inner, given, left)];
  });
  return objectOf(parts);
}

/** The result laid into the rest of the object. */
function assembled(
  { live, kind, ...writing }: Writing & { readonly config?: object },
  result: JsonObject,
  owners: readonly Owner[],
): object {
  const base: JsonObject = (live ?? identityOf(writing.config)) as JsonObject;
  const baseMetadata = own(base, "metadata");
  const unowned = Object.entries(isObject(baseMetadata) ? baseMetadata : {}).filter(
    ([name]) => name !== "managedFields" && (writing.subresource || !ownedMetadata.includes(name)),
  );
  const managedFields = writeOwners(owners);
  const metadata = objectOf([
    ...unowned,
    ...Object.entries(isObject(result.metadata) ? result.metadata : {}),
    ["managedFields", managedFields.length > 0 ? managedFields : undefined],
  ]);
  const whole = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...base, ...result, metadata };
  return live || writing.subresource ? whole : { ...whole, spec: own(result, "spec") ?? {} };
}

/** Of a config that makes the object: its names alone, beside what it owns. */
function identityOf(config: object | undefined): JsonObject {
  const metadata = own(config, "metadata");
  const names = ["name", "namespace", "generateName"];
  return { metadata: objectOf(names.map((name) => [name, own(metadata, name)])) };
}

/** Items that can't be told apart can't be merged. */
function itemFaults(schema: Schema, value: unknown, path: string): Fault[] {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  if (schema.type === "object" && isObject(value)) {
    return Object.entries(value).flatMap(([name, inner]) =>
      itemFaults(schema.fields[name]!, inner, at(name)),
    );
  }
  if (schema.type !== "list" || !Array.isArray(value) || !isAssociative(schema)) return [];
  const seen = new Set<string>();
  return value.flatMap((item, i): Fault[] => {
    const here = `${path}[${i}]`;
    const missing = (schema.keys ?? []).find((key) => own(item, key) === undefined);
    if (missing !== undefined) {
      return [{ path: `${here}.${missing}`, reason: "FieldValueRequired", message: "" }];
    }
    const element = elementOf(schema, item);
    if (seen.has(element)) return [{ path: here, reason: "FieldValueDuplicate", message: "" }];
    seen.add(element);
    return itemFaults(schema.item, item, here);
  });
}
