/** What a kind and its fields are, as `kubectl explain` prints it. */
import { own } from "./json.ts";
import type { Kind } from "./kind.ts";
import { objectSchemaOf } from "./metadata.ts";
import type { Fields, ObjectSchema, Schema } from "./schema.ts";

/** A path that leads to no field. */
export class NoSuchFieldError extends Error {
  override readonly name = "NoSuchFieldError";
  /** Fields that there are in its place, for suggestions. */
  readonly known: readonly string[];

  constructor(path: string, known: readonly string[]) {
    super(`field "${path}" does not exist`);
    this.known = known;
  }
}

const columns = 80;

/**
 * The text for a kind, or for one of its fields: `["spec", "routes"]`. `recursive`: only names and
 * types, but of all that is below. Throws NoSuchFieldError.
 */
export function explain(
  kind: Kind<any, any>,
  path: readonly string[] = [],
  { recursive = false }: { readonly recursive?: boolean } = {},
): string {
  const schema = fieldAt(objectSchemaOf(kind), path);
  const inner = innermost(schema);
  const fields = inner.type === "object" ? inner.fields : {};
  const name = path.at(-1);
  const lines = [
    ...(kind.group === "" ? [] : [`GROUP:      ${kind.group}`]),
    `KIND:       ${kind.kind}`,
    `VERSION:    ${kind.version}`,
    "",
    ...(name === undefined ? [] : [`FIELD: ${name} <${typeText(schema)}>`, ...rules(schema), ""]),
    "DESCRIPTION:",
    ...descriptions(schema).flatMap((text) => wrapped(text, 4)),
    "",
    ...(Object.keys(fields).length === 0 ? [] : ["FIELDS:", ...fieldLines(fields, recursive, 2)]),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function fieldAt(root: ObjectSchema, path: readonly string[]): Schema {
  let at: Schema = root;
  for (const [i, name] of path.entries()) {
    const inner = innermost(at);
    const fields = inner.type === "object" ? inner.fields : {};
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) throw new NoSuchFieldError(path.slice(0, i + 1).join("."), Object.keys(fields));
    at = field;
  }
  return at;
}

/** What a list or map holds, in the end. */
function innermost(schema: Schema): Schema {
  if (schema.type === "list") return innermost(schema.item);
  return schema.type === "map" ? innermost(schema.value) : schema;
}

function descriptions(schema: Schema): string[] {
  if (schema.type === "list") return [schema.description, ...descriptions(schema.item)];
  if (schema.type === "map") return [schema.description, ...descriptions(schema.value)];
  return [schema.description];
}

/** `string`, `[]Object`, `map[string]string`. */
export function typeText(schema: Schema): string {
  if (schema.type === "list") return `[]${typeText(schema.item)}`;
  if (schema.type === "map") return `map[string]${typeText(schema.value)}`;
  return schema.type === "object" || schema.type === "any" ? "Object" : schema.type;
}

/** What else holds of a value. */
function rules(schema: Schema): string[] {
  const values = own(schema, "enum") as readonly string[] | undefined;
  return [
    ...(values ? [`enum: ${values.join(", ")}`] : []),
    ...("default" in schema ? [`default: ${schema.default}`] : []),
    ...(schema.immutable ? ["can't change"] : []),
  ];
}

function fieldLines(fields: Fields, recursive: boolean, indent: number): string[] {
  const margin = " ".repeat(indent);
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, field]) => {
      const required = field.required ? " -required-" : "";
      const head = `${margin}${name}\t<${typeText(field)}>${required}`;
      const inner = innermost(field);
      if (recursive) {
        const below = inner.type === "object" ? fieldLines(inner.fields, true, indent + 2) : [];
        return [head, ...below];
      }
      const told = rules(field).map((rule) => margin + rule);
      return [head, ...told, ...wrapped(field.description, indent + 2), ""];
    });
}

/** Words in lines of at most 80 columns, the margin included. */
function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each);
}
