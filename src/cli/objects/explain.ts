/** Tells of kinds and their fields from the tables of schemas. */
import { apiVersionOf, type Kind } from "../../api/kind.ts";
import { kinds } from "../../api/kinds/index.ts";
import type { Fields, Schema } from "../../api/schema.ts";
import type { Call } from "../command.ts";
import type { explainFlags } from "../commands/describe.ts";
import { UsageError } from "../options.ts";
import { layOut } from "../output/cells.ts";
import { wrapped } from "../output/wrapped.ts";
import { nearest } from "../suggest.ts";
import { kindMeant } from "./targets.ts";

export async function explain({ line, surroundings }: Call<typeof explainFlags>): Promise<number> {
  const [word, ...others] = line.operands;
  if (others.length > 0) throw new UsageError("Explain one thing: netloom explain KIND.FIELD");
  const isRecursive = line.options.recursive !== undefined;
  surroundings.terminal.out(word === undefined ? listed() : explained(word, isRecursive));
  return 0;
}

function listed(): string {
  const header = ["NAME", "SHORT", "NAMESPACED", "KIND", "WHAT IT IS"];
  const rows = kinds.map((kind) => [
    kind.plural,
    kind.shortNames.join(","),
    String(kind.namespaced),
    kind.kind,
    kind.description.split(/(?<=[.]) /)[0]!,
  ]);
  return `${layOut([header, ...rows]).join("\n")}\n`;
}

/** Of every object beside spec and status, in Kubernetes' words. */
const standardFields: Fields = {
  apiVersion: { type: "string", description: "Group and version of the kind." },
  kind: { type: "string", description: "What it is." },
  metadata: {
    type: "object",
    description: "Name, namespace, labels, and what the server keeps of every object.",
    fields: {
      name: { type: "string", description: "Unique among its kind in its namespace." },
      namespace: { type: "string", description: "Where it is; default unless set." },
      labels: {
        type: "map",
        description: "What selectors find it by.",
        value: { type: "string", description: "A label." },
      },
      annotations: {
        type: "map",
        description: "Anything that others want to keep with it.",
        value: { type: "string", description: "An annotation." },
      },
    },
  },
};

function explained(word: string, isRecursive: boolean): string {
  const [first = "", ...path] = word.split(".");
  const kind = kindMeant(first);
  let schema: Schema = { type: "object", description: kind.description, fields: fieldsOf(kind) };
  const walked: string[] = [];
  for (const name of path) {
    const fields = fieldsIn(schema);
    const next = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!next) throw noField([kind.singular, ...walked].join("."), name, fields);
    schema = next;
    walked.push(name);
  }
  const place = walked.length > 0 ? `FIELD: ${walked.at(-1)} <${typeOf(schema)}>\n` : "";
  const fields = fieldLines(fieldsIn(schema), isRecursive, "  ");
  return [
    `KIND:    ${kind.kind}\nVERSION: ${apiVersionOf(kind)}\n`,
    place,
    `DESCRIPTION:\n${wrapped(about(schema), "  ")}\n`,
    fields.length > 0 ? `FIELDS:\n${fields.join("\n")}\n` : "",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

const fieldsOf = ({ spec, status }: Kind): Fields => ({ ...standardFields, spec, status });

/** Of a list or map, what its values have. */
function fieldsIn(schema: Schema): Fields {
  if (schema.type === "object") return schema.fields;
  if (schema.type === "list") return fieldsIn(schema.item);
  return schema.type === "map" ? fieldsIn(schema.value) : {};
}

/** As `kubectl explain` names types. */
function typeOf(schema: Schema): string {
  if (schema.type === "list") return `[]${typeOf(schema.item)}`;
  if (schema.type === "map") return `map[string]${typeOf(schema.value)}`;
  return schema.type === "object" ? "Object" : schema.type;
}

/** The description, and what else the schema says. */
function about(schema: Schema): string {
  const facts: string[] = [];
  if ("enum" in schema && schema.enum) facts.push(`One of ${schema.enum.join(", ")}.`);
  if (schema.type === "integer" && schema.maximum < Number.MAX_SAFE_INTEGER) {
    facts.push(`From ${schema.minimum} to ${schema.maximum}.`);
  }
  if ("default" in schema && schema.default !== undefined)
    facts.push(`Default: ${schema.default}.`);
  if (schema.immutable) facts.push("Can't be changed.");
  return [schema.description, ...facts].join(" ");
}

function fieldLines(fields: Fields, isRecursive: boolean, indent: string): string[] {
  return Object.entries(fields).flatMap(([name, schema]) => {
    const required = schema.required ? " -required-" : "";
    const head = `${indent}${name} <${typeOf(schema)}>${required}`;
    if (isRecursive) return [head, ...fieldLines(fieldsIn(schema), true, `${indent}  `)];
    return [`${head}\n${wrapped(about(schema), `${indent}    `)}\n`];
  });
}

function noField(place: string, name: string, fields: Fields): UsageError {
  const known = Object.keys(fields);
  const meant = nearest(name, known);
  const remedy =
    meant !== undefined
      ? `do you mean "${meant}"?`
      : known.length > 0
        ? `it has ${known.join(", ")}`
        : "it has none";
  return new UsageError(`"${place}" has no field "${name}": ${remedy}`);
}
