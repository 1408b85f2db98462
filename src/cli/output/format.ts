/** The forms in which objects are printed, and how a person asks for one. */
import { apiVersionOf, type Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";
import { UsageError } from "../options.ts";
import { nearest } from "../suggest.ts";
import { jsonpath } from "./jsonpath.ts";
import { parseTemplate } from "./jsonpath-syntax.ts";
import { yaml } from "./yaml.ts";

export type Format =
  | { readonly as: "table"; readonly wide: boolean }
  | { readonly as: "json" }
  | { readonly as: "yaml" }
  | { readonly as: "name" }
  | { readonly as: "jsonpath"; readonly template: string };

const names = ["wide", "table", "json", "yaml", "name", "jsonpath"];

/** Reads `-o`. Throws UsageError. */
export function formatOf(text: string | undefined): Format {
  if (text === undefined || text === "table") return { as: "table", wide: false };
  if (text === "wide") return { as: "table", wide: true };
  if (text === "json" || text === "yaml" || text === "name") return { as: text };
  if (text.startsWith("jsonpath=")) {
    const template = text.slice("jsonpath=".length);
    parseTemplate(template);
    return { as: "jsonpath", template };
  }
  if (text === "jsonpath") {
    throw new UsageError("Say what to pick: -o jsonpath='{.items[*].metadata.name}'");
  }
  const meant = nearest(text, names);
  const remedy = meant === undefined ? `there are ${names.join(", ")}` : `do you mean "${meant}"?`;
  throw new UsageError(`"${text}" is no output format: ${remedy}`);
}

/** `network.netloom.dev/blue`, `namespace/team-a`. */
export function nameOf(kind: Pick<Kind, "singular" | "group">, name: string): string {
  return `${kind.singular}${kind.group === "" ? "" : `.${kind.group}`}/${name}`;
}

/** An object, or a list of objects, as text for programs. */
export function printed(
  format: Exclude<Format, { as: "table" } | { as: "name" }>,
  value: unknown,
): string {
  if (format.as === "json") return `${JSON.stringify(value, null, 2)}\n`;
  if (format.as === "yaml") return yaml(value);
  return jsonpath(format.template, value);
}

/** Several objects as one, as Kubernetes' `List`. */
export function listOf(items: readonly unknown[]): unknown {
  return { apiVersion: "v1", kind: "List", items, metadata: { resourceVersion: "" } };
}

/** What most readers can do without: who set which field. */
export function withoutManagedFields<O extends Pick<ApiObject, "metadata">>(object: O): O {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Items of a list bear neither version nor kind: an object on its own does. */
export function complete<O extends object>(kind: Kind, object: O): O {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object };
}
