/** Field selectors of queries: `spec.network=blue,metadata.name!=x`. */
import { atPath } from "./json.ts";
import type { Kind } from "./kind.ts";
import { badRequest } from "./status-error.ts";

/** What a field must be, or must not be. */
export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

/**
 * Reads a query's `fieldSelector`; the empty one requires nothing. A backslash takes a comma, an
 * equals sign or a backslash as a part of the value. Throws BadRequest, also for fields that this
 * kind can't select by.
 */
export function parseFieldSelector(text: string, kind: Kind<any, any>): FieldRequirement[] {
  if (text.trim() === "") return [];
  const selectable = ["metadata.name", "metadata.namespace", ...kind.selectable];
  const terms = text.match(/(?:\\.|[^,\\])+/g) ?? [];
  return terms.map((term) => {
    const match = /^\s*([^=!\s\\]+?)\s*(!=|==?)((?:\\[,=\\]|[^\\=])*)$/.exec(term);
    if (!match) {
      throw badRequest(
        `invalid field selector: ${JSON.stringify(term)} is no requirement: write a=b or a!=b`,
      );
    }
    const [, path, operator, value] = match;
    if (!selectable.includes(path!)) throw badRequest(`field label not supported: ${path}`);
    return {
      path: path!,
      equal: operator !== "!=",
      value: value!.trim().replace(/\\(.)/g, "$1"),
    };
  });
}

/** Whether all requirements hold. A field that is absent is as the empty text. */
export function matchesFields(requirements: readonly FieldRequirement[], object: unknown): boolean {
  return requirements.every(
    ({ path, equal, value }) => (String(atPath(object, path) ?? "") === value) === equal,
  );
}
