/** `metadata` as a schema, and what only code can say of it. */
import { wrongName } from "./formats.ts";
import { isObject } from "./json.ts";
import { apiVersionOf, type Kind } from "./kind.ts";
import { annotationFaults, finalizerFaults, labelFaults } from "./label-syntax.ts";
import type { ApiObject, Fault, ObjectMeta } from "./object.ts";
import {
  any,
  flag,
  integer,
  keyedList,
  list,
  map,
  type ObjectSchema,
  object,
  text,
} from "./schema.ts";
import { validate } from "./validate.ts";

const count = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const time = (description: string) => text(description, { format: "date-time" });

/** Kubernetes' ObjectMeta. Names are checked by `metadataFaults`. */
export const metadataSchema: ObjectSchema = object("What every object has.", {
  name: text("Unique in its namespace; can't change."),
  generateName: text("Asks the server for a name that begins so."),
  namespace: text("Where the name is unique; can't change."),
  uid: text("Unique over time and place; the server sets it."),
  resourceVersion: text("Changes with each change; opaque to clients."),
  generation: integer("Grows with each change of spec; the server sets it.", count),
  creationTimestamp: time("When it was made; the server sets it."),
  deletionTimestamp: time("Set: it goes once it has no finalizers; the server sets it."),
  deletionGracePeriodSeconds: integer("How long it may take to go; the server sets it.", count),
  labels: map("Names by which selectors find it.", text("The label's value.")),
  annotations: map(
    "Anything that tools and people note.",
    text("The note.", { maxLength: 256 * 1024 }),
  ),
  finalizers: list("Who must still clean up before it goes.", text("A qualified name.")),
  ownerReferences: keyedList(
    "Objects that it goes with.",
    ["uid"],
    object("An object.", {
      apiVersion: text("Its API version.", { required: true }),
      kind: text("Its kind.", { required: true }),
      name: text("Its name.", { required: true }),
      uid: text("Its uid.", { required: true }),
      controller: flag("It manages this object."),
      blockOwnerDeletion: flag("It stays while this object does."),
    }),
  ),
  managedFields: list(
    "Who set which fields; the server keeps it.",
    object("What one manager set.", {
      manager: text("Who."),
      operation: text("How.", { enum: ["Apply", "Update"] }),
      apiVersion: text("By which version of the schema."),
      time: time("When it last changed."),
      fieldsType: text("Always FieldsV1."),
      fieldsV1: any("The fields."),
      subresource: text("By which subresource; absent: by the object itself."),
    }),
  ),
  selfLink: text("No longer used."),
});

/** The whole object of a kind, `apiVersion` and `status` included. */
export function objectSchemaOf(kind: Kind<any, any>): ObjectSchema {
  return object(kind.description, {
    apiVersion: text(`${apiVersionOf(kind)}.`),
    kind: text(`${kind.kind}.`),
    metadata: metadataSchema,
    spec: kind.spec as ObjectSchema,
    status: kind.status as ObjectSchema,
  });
}

/** What is wrong with the metadata that a client sent. The name must be there by now. */
export function metadataFaults(
  kind: Pick<Kind, "namespaced" | "managed">,
  metadata: Partial<ObjectMeta>,
): Fault[] {
  const faults = validate(metadataSchema, metadata, "metadata");
  if (faults.length > 0) return faults;
  const { name, generateName, namespace, labels, annotations, finalizers } = metadata;
  const wrong = (path: string, message: string | undefined): Fault[] =>
    message === undefined
      ? []
      : [{ path: `metadata.${path}`, reason: "FieldValueInvalid", message }];
  const namespaceFaults = (): Fault[] => {
    if (kind.namespaced) {
      return namespace
        ? wrong("namespace", wrongName(namespace))
        : [{ path: "metadata.namespace", reason: "FieldValueRequired", message: "" }];
    }
    const message = "not allowed on this type";
    return namespace
      ? [{ path: "metadata.namespace", reason: "FieldValueForbidden", message }]
      : [];
  };
  return [
    ...(name
      ? wrong("name", kind.managed ? wrongSubdomain(name) : wrongName(name))
      : [
          {
            path: "metadata.name",
            reason: "FieldValueRequired" as const,
            message: "name or generateName is required",
          },
        ]),
    ...(generateName ? wrong("generateName", wrongGenerateName(generateName)) : []),
    ...namespaceFaults(),
    ...labelFaults(labels ?? {}, "metadata.labels"),
    ...annotationFaults(annotations ?? {}, "metadata.annotations"),
    ...finalizerFaults(finalizers ?? [], "metadata.finalizers"),
  ];
}

/** Names that the server makes are of several parts. RFC 1123. */
const wrongSubdomain = (text: string): string | undefined =>
  text.length > 253
    ? "must be no more than 253 characters"
    : text
        .split(".")
        .map(wrongName)
        .find((wrong) => wrong !== undefined);

/** Five characters of the server's come after it. */
function wrongGenerateName(text: string): string | undefined {
  return text.length > 58 ? "must be no more than 58 characters" : wrongName(`${text}x`);
}

/**
 * All that is wrong with an object, defaults filled in, but for its references. Its `check` runs
 * once the schema is satisfied.
 */
export function objectFaults(kind: Kind<any, any>, value: ApiObject): Fault[] {
  const { metadata, spec, status } = value;
  const faults = [
    ...(isObject(metadata)
      ? metadataFaults(kind, metadata)
      : validate(metadataSchema, metadata, "metadata")),
    ...validate(kind.spec, spec, "spec"),
    ...(status === undefined ? [] : validate(kind.status, status, "status")),
  ];
  return faults.length > 0 ? faults : (kind.check?.(value) ?? []);
}
