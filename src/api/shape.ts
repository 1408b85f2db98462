/** Brings a value into the shape of its schema: defaults, canonical text, known fields alone. */
import { joinPath } from "../model/parse.ts";
import { canonicalText } from "./formats.ts";
import { isObject, type JsonObject, objectOf, own } from "./json.ts";
import type { ObjectSchema, Schema } from "./schema.ts";

/** What becomes of an object, its parts already done. */
type ObjectStep = (schema: ObjectSchema, value: JsonObject) => JsonObject;

/** Rebuilds a value from its leaves up. What doesn't fit the schema stays as it is. */
function rebuild(schema: Schema, value: unknown, step: ObjectStep): unknown {
  if (schema.type === "string" && typeof value === "string") {
    return schema.format ? canonicalText(schema.format, value) : value;
  }
  if (schema.type === "list" && Array.isArray(value)) {
    return value.map((item) => rebuild(schema.item, item, step));
  }
  if (!isObject(value)) return value;
  if (schema.type === "map") {
    return objectOf(withoutNulls(value).map(([key, v]) => [key, rebuild(schema.value, v, step)]));
  }
  if (schema.type !== "object") return value;
  const { fields } = schema;
  const rebuilt = withoutNulls(value).map(([name, inner]): [string, unknown] => [
    name,
    Object.hasOwn(fields, name) ? rebuild(fields[name]!, inner, step) : inner,
  ]);
  return step(schema, objectOf(rebuilt));
}

const withoutNulls = (value: JsonObject) =>
  Object.entries(value).filter(([, inner]) => inner !== null);

/** The same with addresses, networks and MACs in canonical text, without members that are null. */
export function canonical<V>(schema: Schema, value: V): V {
  return rebuild(schema, value, (_, inner) => inner) as V;
}

/** The same with defaults filled in, in canonical text. Objects that are absent stay so. */
export function withDefaults<V>(schema: Schema, value: V): V {
  return rebuild(schema, value, addDefaults) as V;
}

function addDefaults({ fields }: ObjectSchema, value: JsonObject): JsonObject {
  const missing = Object.entries(fields).flatMap(([name, field]): [string, unknown][] =>
    "default" in field && own(value, name) === undefined ? [[name, field.default]] : [],
  );
  return missing.length === 0 ? value : objectOf([...Object.entries(value), ...missing]);
}

/** The same without the fields that its schema doesn't know. */
export function prune<V>(schema: Schema, value: V): V {
  return rebuild(schema, value, ({ fields }, inner) =>
    objectOf(Object.entries(inner).filter(([name]) => Object.hasOwn(fields, name))),
  ) as V;
}

/** Paths of the fields that the schema doesn't know: `spec.fixedIps[0].adress`. */
export function unknownFields(schema: Schema, value: unknown, path: string): string[] {
  if (schema.type === "list" && Array.isArray(value)) {
    return value.flatMap((item, i) => unknownFields(schema.item, item, `${path}[${i}]`));
  }
  if (!isObject(value)) return [];
  if (schema.type === "map") {
    return Object.entries(value).flatMap(([key, inner]) =>
      unknownFields(schema.value, inner, `${path}[${key}]`),
    );
  }
  if (schema.type !== "object") return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    Object.hasOwn(schema.fields, name)
      ? unknownFields(schema.fields[name]!, inner, joinPath(path, name))
      : [joinPath(path, name)],
  );
}
