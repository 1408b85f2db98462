/** Schemas of OpenAPI v3 from ours, and those that Kubernetes' conventions ask for. */
import type { Kind } from "../kind.ts";
import { metadataSchema } from "../metadata.ts";
import { type ListSchema, maxItems, type ObjectSchema, type Schema } from "../schema.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

export const componentNames = {
  objectMeta: `${meta}.ObjectMeta`,
  listMeta: `${meta}.ListMeta`,
  deleteOptions: `${meta}.DeleteOptions`,
  patch: `${meta}.Patch`,
  jsonPatch: "dev.netloom.JsonPatch",
  status: `${meta}.Status`,
  watchEvent: `${meta}.WatchEvent`,
} as const;

/** The kind's name among the document's schemas: `dev.netloom.v1alpha1.Network`. */
export function componentName({ group, version, kind }: Kind<any, any>): string {
  return group === ""
    ? `io.k8s.api.core.${version}.${kind}`
    : `${group.split(".").reverse().join(".")}.${version}.${kind}`;
}

export const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** The schema as OpenAPI v3 says it, with Kubernetes' extensions. */
export function openApiSchema(schema: Schema): object {
  const { description, immutable } = schema;
  const fixed = { rule: "self == oldSelf", message: "field is immutable" };
  return {
    ...shapeOf(schema),
    description,
    ...("default" in schema && { default: schema.default }),
    ...(immutable && { "x-kubernetes-validations": [fixed] }),
  };
}

function shapeOf(schema: Schema): object {
  switch (schema.type) {
    case "string": {
      const { format, enum: values, pattern, maxLength = 253 } = schema;
      if (values) return { type: "string", enum: values };
      return {
        type: "string",
        ...(format && { format }),
        ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }),
        maxLength,
      };
    }
    case "integer":
      return {
        type: "integer",
        format: "int64",
        minimum: schema.minimum,
        maximum: schema.maximum,
      };
    case "boolean":
      return { type: "boolean" };
    case "list":
      return { type: "array", items: openApiSchema(schema.item), maxItems, ...listKind(schema) };
    case "map":
      return { type: "object", additionalProperties: openApiSchema(schema.value) };
    case "object":
      return objectShape(schema);
    case "any":
      return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  }
}

function listKind({ keys, item }: ListSchema): object {
  if (keys) return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
  return { "x-kubernetes-list-type": item.type === "string" ? "set" : "atomic" };
}

function objectShape({ fields }: ObjectSchema): object {
  const entries = Object.entries(fields);
  const required = entries.filter(([, field]) => field.required).map(([name]) => name);
  return {
    type: "object",
    ...(entries.length > 0 && {
      properties: Object.fromEntries(entries.map(([name, field]) => [name, openApiSchema(field)])),
    }),
    ...(required.length > 0 && { required }),
  };
}

export const text = (description: string) => ({ type: "string", description });
const integer = (description: string) => ({ type: "integer", format: "int64", description });
export const objectOf = (description: string, properties: object) => ({
  type: "object",
  description,
  properties,
});

const apiVersion = text("Group and version of the schema that the object follows.");
const kindField = text("What the object is.");

const jsonPatch = {
  type: "array",
  description: "What to do, one step after the other (RFC 6902).",
  items: {
    ...objectOf("A step.", {
      op: { type: "string", enum: ["add", "remove", "replace", "move", "copy", "test"] },
      path: text("Where (RFC 6901)."),
      from: text("From where, of move and copy."),
      value: { description: "What, of add, replace and test." },
    }),
    required: ["op", "path"],
  },
};

/** What every document has, beside its kinds. */
export function sharedSchemas(): Readonly<Record<string, object>> {
  const names = componentNames;
  return {
    [names.objectMeta]: openApiSchema(metadataSchema),
    [names.listMeta]: objectOf("Of a list.", {
      resourceVersion: text("How things stood; watch from here."),
      continue: text("Where the next part begins; empty at the end."),
      remainingItemCount: integer("How many more there are."),
    }),
    [names.deleteOptions]: objectOf("How to delete.", {
      apiVersion,
      kind: kindField,
      dryRun: { type: "array", items: text("All."), description: "Change nothing." },
      gracePeriodSeconds: integer("How long it may take."),
      propagationPolicy: text("What becomes of what stands on it: Orphan, Background, Foreground."),
      preconditions: objectOf("What must hold.", {
        uid: text("The object's uid."),
        resourceVersion: text("The object's resourceVersion."),
      }),
    }),
    [names.patch]: { type: "object", description: "What to change." },
    [names.jsonPatch]: jsonPatch,
    [names.status]: objectOf("How a call ended.", {
      apiVersion,
      kind: kindField,
      metadata: reference(names.listMeta),
      status: text("Success or Failure."),
      message: text("For people."),
      reason: text("One word, for programs."),
      details: objectOf("Of which object, and what is wrong with which field.", {
        name: text("The object's name."),
        group: text("Its group."),
        kind: text("Its kind, or its plural."),
        uid: text("Its uid."),
        retryAfterSeconds: integer("When to try again."),
        causes: {
          type: "array",
          description: "All that is wrong.",
          items: objectOf("One fault.", {
            reason: text("One word, for programs."),
            message: text("For people."),
            field: text("Path of the field."),
          }),
        },
      }),
      code: integer("Of HTTP."),
    }),
    [names.watchEvent]: {
      ...objectOf("One change.", {
        type: text("ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."),
        object: { type: "object", description: "The object as it is then, or a Status." },
      }),
      required: ["type", "object"],
    },
  };
}

export const groupVersionKind = ({ group, version, kind }: Kind<any, any>) => ({
  group,
  version,
  kind,
});

/** The kind's object and its list. */
export function kindSchemas(kind: Kind<any, any>): Readonly<Record<string, object>> {
  const name = componentName(kind);
  const gvk = groupVersionKind(kind);
  const metadata = (to: string) => ({ allOf: [reference(to)], default: {} });
  return {
    [name]: {
      type: "object",
      description: kind.description,
      properties: {
        apiVersion,
        kind: kindField,
        metadata: {
          ...metadata(componentNames.objectMeta),
          description: "What every object has.",
        },
        spec: openApiSchema(kind.spec),
        status: openApiSchema(kind.status),
      },
      "x-kubernetes-group-version-kind": [gvk],
    },
    [`${name}List`]: {
      type: "object",
      description: `A list of ${kind.plural}.`,
      required: ["items"],
      properties: {
        apiVersion,
        kind: kindField,
        metadata: { ...metadata(componentNames.listMeta), description: "Of the list." },
        items: { type: "array", items: reference(name), description: "The objects." },
      },
      "x-kubernetes-group-version-kind": [{ ...gvk, kind: `${kind.kind}List` }],
    },
  };
}
