/**
 * Sets of fields, as `metadata.managedFields` writes them: `f:name` a field or a map's key,
 * `k:{"host":"a"}` an item of a keyed list, `v:"x"` an item of a set, `.` the parent itself.
 * Source: sigs.k8s.io/structured-merge-diff, fieldpath/serialize.
 */
import { isObject, objectOf } from "../json.ts";

/** Of the fields below one: whether it is in the set itself, and what of its own is. */
export interface FieldSet {
  readonly own: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const noFields: FieldSet = { own: false, children: new Map() };

export const isEmpty = ({ own, children }: FieldSet): boolean => !own && children.size === 0;

/** A set of these parts; empty children are left out. */
export function fieldSet(own: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  return { own, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

/** Both sets, part by part; `decide` says of a field whether it is in the result. */
function combine(
  a: FieldSet,
  b: FieldSet,
  decide: (inA: boolean, inB: boolean) => boolean,
): FieldSet {
  const elements = new Set([...a.children.keys(), ...b.children.keys()]);
  return fieldSet(
    decide(a.own, b.own),
    [...elements].map((element) => [
      element,
      combine(a.children.get(element) ?? noFields, b.children.get(element) ?? noFields, decide),
    ]),
  );
}

export const union = (a: FieldSet, b: FieldSet) => combine(a, b, (inA, inB) => inA || inB);
export const difference = (a: FieldSet, b: FieldSet) => combine(a, b, (inA, inB) => inA && !inB);
export const intersection = (a: FieldSet, b: FieldSet) => combine(a, b, (inA, inB) => inA && inB);

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return isEmpty(combine(a, b, (inA, inB) => inA !== inB));
}

/** Reads `fieldsV1`; what is no path element is passed over. */
export function readFields(fieldsV1: unknown): FieldSet {
  if (!isObject(fieldsV1)) return noFields;
  const elements = Object.entries(fieldsV1).filter(([element]) => /^[fkv]:/.test(element));
  const own = Object.hasOwn(fieldsV1, ".");
  return fieldSet(
    own,
    elements.map(([element, inner]) => {
      const child = readFields(inner);
      // `{}` alone means the field itself.
      return [element, isEmpty(child) ? { ...child, own: true } : child];
    }),
  );
}

/** As `fieldsV1`, in one order whatever the set's history. */
export function writeFields({ own, children }: FieldSet): object {
  const inner = [...children]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([element, child]): [string, unknown] => [element, writeFields(child)]);
  return objectOf(own && children.size > 0 ? [[".", {}], ...inner] : inner);
}

/** Each field's path as people read it: `.spec.routes[destination="0.0.0.0/0"].nextHop`. */
export function pathsOf(set: FieldSet, path = ""): string[] {
  const below = [...set.children].flatMap(([element, child]) =>
    pathsOf(child, path + elementText(element)),
  );
  return set.own ? [path, ...below] : below;
}

function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return `.${rest}`;
  if (element.startsWith("v:")) return `[=${rest}]`;
  const keys: unknown = JSON.parse(rest);
  const texts = Object.entries(isObject(keys) ? keys : {}).map(
    ([key, value]) => `${key}=${JSON.stringify(value)}`,
  );
  return `[${texts.join(",")}]`;
}
