/** What is wrong with a value by its schema. */
import { joinPath } from "../model/parse.ts";
import { wrongFormat } from "./formats.ts";
import { canonicalJson, equalJson, isObject, own, tooDeep } from "./json.ts";
import type { Fault } from "./object.ts";
import {
  type IntegerSchema,
  type ListSchema,
  type MapSchema,
  maxItems,
  type ObjectSchema,
  type Schema,
  type TextSchema,
} from "./schema.ts";

type Check<S extends Schema> = (schema: S, value: unknown, path: string) => Fault[];

const one = (path: string, reason: Fault["reason"], message = ""): Fault[] => [
  { path, reason, message },
];

const wrongType = (path: string, what: string) =>
  one(path, "FieldValueTypeInvalid", `must be ${what}`);

const isAbsent = (value: unknown): value is undefined | null =>
  value === undefined || value === null;

/** All that is wrong with `value`. Fields that the schema doesn't know are no matter here. */
export function validate(schema: Schema, value: unknown, path: string): Fault[] {
  return (checks[schema.type] as Check<Schema>)(schema, value, path);
}

/**
 * Lists and maps that are too long. Nothing else is looked at: whoever means to look at all of a
 * value asks this first.
 */
export function overlong(schema: Schema, value: unknown, path: string): Fault[] {
  if (schema.type === "list" && Array.isArray(value)) {
    const fault = tooMany(value.length, path);
    return fault ?? value.flatMap((item, i) => overlong(schema.item, item, `${path}[${i}]`));
  }
  if (!isObject(value)) return [];
  if (schema.type === "map") {
    const entries = Object.entries(value);
    const below = () =>
      entries.flatMap(([key, each]) => overlong(schema.value, each, `${path}[${key}]`));
    return tooMany(entries.length, path) ?? below();
  }
  if (schema.type !== "object") return [];
  return Object.entries(schema.fields).flatMap(([name, field]) =>
    overlong(field, own(value, name), joinPath(path, name)),
  );
}

const tooMany = (count: number, path: string): Fault[] | undefined =>
  count > maxItems
    ? one(path, "FieldValueTooMany", `must have at most ${maxItems} items`)
    : undefined;

const checks: { readonly [T in Schema["type"]]: Check<Extract<Schema, { type: T }>> } = {
  string: textFaults,
  integer: integerFaults,
  boolean: (_, value, path) =>
    typeof value === "boolean" ? [] : wrongType(path, "a boolean: true or false"),
  list: listFaults,
  map: mapFaults,
  object: objectFaults,
  any: (_, value, path) => (tooDeep(value) ? one(path, "FieldValueInvalid", "nests too deep") : []),
};

function textFaults(schema: TextSchema, value: unknown, path: string): Fault[] {
  if (typeof value !== "string") return wrongType(path, "a string");
  if (schema.enum) {
    const supported = schema.enum.map((each) => JSON.stringify(each)).join(", ");
    return schema.enum.includes(value)
      ? []
      : one(path, "FieldValueNotSupported", `supported values: ${supported}`);
  }
  const most = schema.maxLength ?? 253;
  if (value.length > most) {
    return one(path, "FieldValueTooLong", `may not be more than ${most} characters`);
  }
  const wrong = schema.format && wrongFormat(schema.format, value);
  if (wrong !== undefined) return one(path, "FieldValueInvalid", wrong);
  const { pattern } = schema;
  return pattern === undefined || new RegExp(`^(?:${pattern})$`, "u").test(value)
    ? []
    : one(path, "FieldValueInvalid", `must match ${pattern}`);
}

function integerFaults({ minimum, maximum }: IntegerSchema, value: unknown, path: string): Fault[] {
  if (!Number.isSafeInteger(value)) return wrongType(path, "an integer");
  return (value as number) >= minimum && (value as number) <= maximum
    ? []
    : one(path, "FieldValueInvalid", `must be between ${minimum} and ${maximum}, inclusive`);
}

function listFaults(schema: ListSchema, value: unknown, path: string): Fault[] {
  if (!Array.isArray(value)) return wrongType(path, "a list");
  const many = tooMany(value.length, path);
  if (many) return many;
  const faults = value.flatMap((item, i) => validate(schema.item, item, `${path}[${i}]`));
  return [...faults, ...duplicateFaults(schema, value, path)];
}

/** Items of sets and of keyed lists are there once. Others may repeat. */
function duplicateFaults(schema: ListSchema, value: readonly unknown[], path: string): Fault[] {
  if (!schema.keys && schema.item.type !== "string") return [];
  const seen = new Set<string>();
  return value.flatMap((item, i) => {
    const identity = canonicalJson(
      schema.keys && isObject(item) ? schema.keys.map((key) => own(item, key) ?? null) : item,
    );
    if (seen.has(identity)) return one(`${path}[${i}]`, "FieldValueDuplicate");
    seen.add(identity);
    return [];
  });
}

function mapFaults(schema: MapSchema, value: unknown, path: string): Fault[] {
  if (!isObject(value)) return wrongType(path, "an object");
  const entries = Object.entries(value);
  const many = tooMany(entries.length, path);
  if (many) return many;
  return entries.flatMap(([key, each]) =>
    key === "__proto__" || key.length > 317
      ? one(path, "FieldValueInvalid", `has a key that is no name: ${key.slice(0, 20)}`)
      : validate(schema.value, each, `${path}[${key}]`),
  );
}

function objectFaults(schema: ObjectSchema, value: unknown, path: string): Fault[] {
  if (!isObject(value)) return wrongType(path, "an object");
  const faults = Object.entries(schema.fields).flatMap(([name, field]) => {
    const inner = own(value, name);
    const at = joinPath(path, name);
    // Keys always have a text: "" is as good as none.
    if (isAbsent(inner) || (field.required && inner === "" && field.type === "string")) {
      return field.required ? one(at, "FieldValueRequired") : [];
    }
    return validate(field, inner, at);
  });
  return faults.length > 0 || !schema.check ? faults : schema.check(value, path);
}

/** Fields that may not change once the object is made, and differ. */
export function changedImmutables(
  schema: Schema,
  old: unknown,
  value: unknown,
  path: string,
): Fault[] {
  if (schema.immutable) {
    return equalJson(old ?? undefined, value ?? undefined)
      ? []
      : one(path, "FieldValueInvalid", "field is immutable");
  }
  if (schema.type === "object") {
    return Object.entries(schema.fields).flatMap(([name, field]) =>
      changedImmutables(field, own(old, name), own(value, name), joinPath(path, name)),
    );
  }
  if (schema.type === "map" && isObject(old) && isObject(value)) {
    return Object.keys(value).flatMap((key) =>
      Object.hasOwn(old, key)
        ? changedImmutables(schema.value, old[key], value[key], `${path}[${key}]`)
        : [],
    );
  }
  if (schema.type === "list" && schema.keys && Array.isArray(old) && Array.isArray(value)) {
    return value.flatMap((item, i) => {
      const before = old.find((each) =>
        schema.keys!.every((key) => equalJson(own(each, key), own(item, key))),
      );
      return before === undefined
        ? []
        : changedImmutables(schema.item, before, item, `${path}[${i}]`);
    });
  }
  return [];
}
