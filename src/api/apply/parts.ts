/** What an object consists of by its schema: the fields in it, and how two objects differ. */
import { equalJson, isObject, own } from "../json.ts";
import { any, type ListSchema, type Schema } from "../schema.ts";
import { type FieldSet, fieldSet, noFields, union } from "./field-set.ts";

/** A part of a value that somebody may own beside the owners of others. */
export interface Part {
  readonly schema: Schema;
  readonly value: unknown;
  /** It is in a set of fields itself: an entry of a map, an item of a list. */
  readonly item: boolean;
}

const unknown = any("Not in the schema.");

/** The parts of a value by path element; undefined: it is owned as a whole. */
export function partsOf(schema: Schema, value: unknown): ReadonlyMap<string, Part> | undefined {
  if (schema.type === "object" && isObject(value)) {
    return new Map(
      members(value).map(([name, inner]) => [
        `f:${name}`,
        { schema: (own(schema.fields, name) as Schema) ?? unknown, value: inner, item: false },
      ]),
    );
  }
  if (schema.type === "map" && isObject(value)) {
    return new Map(
      members(value).map(([key, inner]) => [
        `f:${key}`,
        { schema: schema.value, value: inner, item: true },
      ]),
    );
  }
  if (schema.type === "list" && Array.isArray(value) && isAssociative(schema)) {
    return new Map(
      value.map((inner) => [
        elementOf(schema, inner),
        { schema: schema.item, value: inner, item: true },
      ]),
    );
  }
  return undefined;
}

const members = (value: object) => Object.entries(value).filter(([, inner]) => inner !== undefined);

/** Sets of texts, and lists of objects that keys tell apart. */
export const isAssociative = ({ keys, item }: ListSchema): boolean =>
  keys !== undefined || item.type === "string";

/** The path element of a list's item. Keys that are absent have their default. */
export function elementOf({ keys, item }: ListSchema, value: unknown): string {
  if (!keys) return `v:${JSON.stringify(value)}`;
  const fields = item.type === "object" ? item.fields : {};
  const parts = [...keys].sort().map((key) => {
    const field = fields[key];
    const whenAbsent = field && "default" in field ? field.default : null;
    return [key, own(value, key) ?? whenAbsent];
  });
  return `k:${JSON.stringify(Object.fromEntries(parts))}`;
}

/** The fields that a value sets. */
export function fieldsOf(schema: Schema, value: unknown): FieldSet {
  const parts = partsOf(schema, value);
  if (!parts) return { own: true, children: new Map() };
  // Somebody who sets an empty object means it; an empty list says nothing of its items.
  if (parts.size === 0)
    return schema.type === "list" ? noFields : { own: true, children: new Map() };
  return fieldSet(
    false,
    [...parts].map(([element, part]) => [element, fieldsOfPart(part)]),
  );
}

function fieldsOfPart({ schema, value, item }: Part): FieldSet {
  const set = fieldsOf(schema, value);
  return item ? { ...set, own: true } : set;
}

export interface Comparison {
  /** Fields that the new value has and the old one doesn't, or has otherwise. */
  readonly changed: FieldSet;
  /** Fields that only the old value has. */
  readonly removed: FieldSet;
}

export function compare(schema: Schema, old: unknown, value: unknown): Comparison {
  const before = partsOf(schema, old);
  const after = partsOf(schema, value);
  if (!before || !after) {
    if (equalJson(old, value)) return { changed: noFields, removed: noFields };
    return { changed: fieldsOf(schema, value), removed: before ? fieldsOf(schema, old) : noFields };
  }
  const changed: [string, FieldSet][] = [];
  const removed: [string, FieldSet][] = [];
  for (const [element, part] of after) {
    const earlier = before.get(element);
    if (!earlier) {
      changed.push([element, fieldsOfPart(part)]);
      continue;
    }
    const inner = compare(part.schema, earlier.value, part.value);
    changed.push([element, inner.changed]);
    removed.push([element, inner.removed]);
  }
  for (const [element, part] of before) {
    if (!after.has(element)) removed.push([element, fieldsOfPart(part)]);
  }
  return { changed: fieldSet(false, changed), removed: joined(removed) };
}

/** An element may come from both loops: never lose one of them. */
function joined(parts: readonly (readonly [string, FieldSet])[]): FieldSet {
  return parts.reduce((all, part) => union(all, fieldSet(false, [part])), noFields);
}
