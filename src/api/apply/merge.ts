/** Lays what somebody applied over what is there, and takes away what they gave up. */
import { isObject, objectOf, own } from "../json.ts";
import type { ListSchema, Schema } from "../schema.ts";
import { type FieldSet, isEmpty, noFields } from "./field-set.ts";
import { elementOf, isAssociative, partsOf } from "./parts.ts";

/** `live` with all that `config` says; items of keyed lists and sets join those that are there. */
export function overlay(schema: Schema, live: unknown, config: unknown): unknown {
  if (live === undefined || !partsOf(schema, live) || !partsOf(schema, config)) return config;
  if (schema.type === "list") {
    return overlayList(schema, live as readonly unknown[], config as readonly unknown[]);
  }
  const parts = [...partsOf(schema, config)!].map(([element, part]): [string, unknown] => {
    const name = element.slice(2);
    return [name, overlay(part.schema, own(live, name), part.value)];
  });
  return objectOf([...Object.entries(live as object), ...parts]);
}

/** What is applied comes in its own order; others' items keep their place between. */
function overlayList(
  schema: ListSchema,
  live: readonly unknown[],
  config: readonly unknown[],
): unknown[] {
  const applied = new Set(config.map((item) => elementOf(schema, item)));
  const existing = new Map(live.map((item) => [elementOf(schema, item), item]));
  const isApplied = (item: unknown) => applied.has(elementOf(schema, item));
  const result: unknown[] = [];
  let at = 0;
  for (const item of config) {
    while (at < live.length && !isApplied(live[at])) result.push(live[at++]);
    at++;
    result.push(overlay(schema.item, existing.get(elementOf(schema, item)), item));
  }
  return [...result, ...live.slice(at).filter((item) => !isApplied(item))];
}

/** Without lists that name no items: nobody owns anything of them. */
export function withoutEmptyLists(schema: Schema, value: unknown): unknown {
  if (!isObject(value)) return value;
  const entries = [...(partsOf(schema, value) ?? [])].filter(
    ([, part]) => part.schema.type !== "list" || partsOf(part.schema, part.value)?.size !== 0,
  );
  return objectOf(
    entries.map(([element, part]) => [
      element.slice(2),
      partsOf(part.schema, part.value) ? withoutEmptyLists(part.schema, part.value) : part.value,
    ]),
  );
}

/** `value` without the fields of `given` of which, and of whose parts, none is in `kept`. */
export function without(schema: Schema, value: unknown, given: FieldSet, kept: FieldSet): unknown {
  const parts = partsOf(schema, value);
  if (!parts) return value;
  /** What becomes of a part; undefined: it goes. */
  const rest = (element: string, inner: unknown): unknown => {
    const part = parts.get(element)!;
    const givenInner = given.children.get(element);
    if (!givenInner) return inner;
    const keptInner = kept.children.get(element) ?? noFields;
    // What else is in an object, such as defaults, goes with it. Items of others stay.
    const isWhole = part.item || !isCollection(part.schema);
    if (isEmpty(keptInner) && (isWhole || !partsOf(part.schema, inner))) return undefined;
    const left = without(part.schema, inner, givenInner, keptInner);
    return isEmpty(keptInner) && partsOf(part.schema, left)?.size === 0 ? undefined : left;
  };
  if (schema.type === "list" && Array.isArray(value)) {
    return value
      .map((item) => rest(elementOf(schema, item), item))
      .filter((item) => item !== undefined);
  }
  if (!isObject(value)) return value;
  return objectOf(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, rest(`f:${name}`, inner)]),
  );
}

const isCollection = (schema: Schema): boolean =>
  schema.type === "map" || (schema.type === "list" && isAssociative(schema));
