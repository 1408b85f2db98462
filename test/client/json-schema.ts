/**
 * Judges values by schemas as documents of OpenAPI 3.0 have them, knowing nothing of how they came
 * about. A keyword that it does not know is an error, so that none is passed over.
 */
import { isIP } from "node:net";

type Json = Readonly<Record<string, any>>;

/** Neither narrows what a value may be. */
const notes = new Set(["description", "default", "uniqueItems"]);

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  ip: (value) => isIP(value) !== 0,
  cidr: (value) => {
    const [address = "", length = ""] = value.split("/");
    const family = isIP(address);
    return family !== 0 && /^\d+$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
  },
  mac: (value) => /^[\da-f]{2}(:[\da-f]{2}){5}$/.test(value),
  name: (value) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value),
  reference: (value) => /^([-a-z0-9]+\/)?[-a-z0-9]+$/.test(value),
  link: (value) => /^[^/:\s]{1,15}$/.test(value),
  "date-time": (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value),
};

const types: Readonly<Record<string, (value: any) => boolean>> = {
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
};

interface Place {
  readonly path: string;
  readonly components: Json;
}

/** A keyword's judgement: what is wrong with the value. */
type Rule = (value: any, schema: Json, place: Place) => string[];

const unless = (holds: boolean, { path }: Place, what: string) =>
  holds ? [] : [`${path || "it"} ${what}`];

const inner = (place: Place, name: string | number) => ({
  ...place,
  path: typeof name === "number" ? `${place.path}[${name}]` : `${place.path}.${name}`,
});

const rules: Readonly<Record<string, Rule>> = {
  $ref: (value, { $ref }, place) => judged(value, resolved($ref, place.components), place),
  type: (value, { type }, place) => unless(types[type]!(value), place, `is no ${type}`),
  enum: (value, schema, place) => unless(schema.enum.includes(value), place, "is none of its enum"),
  pattern: (value, { pattern }, place) =>
    unless(new RegExp(pattern, "u").test(value), place, `does not match ${pattern}`),
  minimum: (value, { minimum }, place) => unless(value >= minimum, place, `is below ${minimum}`),
  maximum: (value, { maximum }, place) => unless(value <= maximum, place, `is above ${maximum}`),
  maxLength: (value, { maxLength }, place) =>
    unless(value.length <= maxLength, place, `has more than ${maxLength} characters`),
  maxItems: (value, { maxItems }, place) =>
    unless(value.length <= maxItems, place, `has more than ${maxItems} items`),
  format: (value, { format, type }, place) =>
    type === "integer" ? [] : unless(formats[format]!(value), place, `is no ${format}`),
  allOf: (value, { allOf }, place) => allOf.flatMap((each: Json) => judged(value, each, place)),
  anyOf(value, { anyOf }, place) {
    const found: string[][] = anyOf.map((each: Json) => judged(value, each, place));
    return found.some((faults) => faults.length === 0) ? [] : found.flat();
  },
  required: (value, { required }, place) =>
    required.flatMap((name: string) => unless(Object.hasOwn(value, name), place, `lacks ${name}`)),
  items: (value, { items }, place) =>
    value.flatMap((each: any, at: number) => judged(each, items, inner(place, at))),
  // What a document does not tell of may not come: it would be true of anything otherwise.
  properties: (value, { properties }, place) =>
    Object.entries(value).flatMap(([name, each]) =>
      Object.hasOwn(properties, name)
        ? judged(each, properties[name], inner(place, name))
        : [`${place.path}.${name} is not in the document`],
    ),
  additionalProperties: (value, { additionalProperties }, place) =>
    Object.entries(value).flatMap(([name, each]) =>
      judged(each, additionalProperties, inner(place, name)),
    ),
};

/** What is wrong with a value; references lead into `components`. Throws on unknown keywords. */
export const faultsOf = (value: unknown, schema: Json, components: Json = {}): string[] =>
  judged(value, schema, { path: "", components });

function judged(value: unknown, schema: Json, place: Place): string[] {
  const words = Object.keys(schema).filter((word) => !notes.has(word) && !word.startsWith("x-"));
  const unknown = words.find((word) => !rules[word]);
  if (unknown !== undefined) throw new Error(`${place.path || "it"}: unknown keyword "${unknown}"`);
  const { type, format } = schema;
  if (type !== undefined && !types[type]) throw new Error(`${place.path}: unknown type "${type}"`);
  if (type === "string" && format !== undefined && !formats[format]) {
    throw new Error(`${place.path}: unknown format "${format}"`);
  }
  const wrongType = type === undefined ? [] : rules.type!(value, schema, place);
  if (wrongType.length > 0) return wrongType;
  return words.flatMap((word) => rules[word]!(value, schema, place));
}

function resolved(reference: string, components: Json): Json {
  const found = components[reference.replace("#/components/schemas/", "")];
  if (!found) throw new Error(`"${reference}" leads nowhere`);
  return found;
}
