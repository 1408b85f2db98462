/** What the parameters of a request ask for. */
import { parseFieldSelector } from "../../api/field-selectors.ts";
import type { Kind } from "../../api/kind.ts";
import { parseLabelSelector } from "../../api/selectors.ts";
import { badRequest } from "../../api/status-error.ts";
import type { FieldValidation } from "../objects/prepare.ts";
import type { ListRequest, Selection } from "../objects/reading.ts";

type Query = URLSearchParams;

export const flagOf = (query: Query, name: string): boolean =>
  ["true", "1"].includes(query.get(name) ?? "");

/** A number that is not negative. Throws ApiError (BadRequest). */
export function numberOf(query: Query, name: string): number | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  // Revisions of a store that was copied to have 16 digits: microseconds since 1970.
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be a number`);
}

/** Throws ApiError (BadRequest). */
export function selectionOf(
  query: Query,
  kind: Kind<any, any>,
  { namespace, name }: { readonly namespace?: string; readonly name?: string },
): Selection {
  const fields = parseFieldSelector(query.get("fieldSelector") ?? "", kind);
  const named = name === undefined ? [] : [{ path: "metadata.name", equal: true, value: name }];
  return {
    ...(namespace !== undefined && { namespace }),
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: [...fields, ...named],
  };
}

/** The one object that a list or watch selects by its name; undefined: there is no such one. */
export function nameSelected(query: Query, kind: Kind<any, any>): string | undefined {
  try {
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "", kind);
    const names = fields.filter(({ path, equal }) => equal && path === "metadata.name");
    return names.length === 1 ? names[0]!.value : undefined;
  } catch {
    return undefined; // It is refused as what it is, once its sender is known to have a right.
  }
}

/** Throws ApiError (BadRequest). */
export function listRequestOf(query: Query, selection: Selection): ListRequest {
  const limit = numberOf(query, "limit");
  const revision = numberOf(query, "resourceVersion");
  const isExact = query.get("resourceVersionMatch") === "Exact";
  const token = query.get("continue");
  return {
    ...selection,
    ...(limit !== undefined && { limit }),
    ...(token && { continue: token }),
    ...(isExact && revision && { revision }),
  };
}

/** Throws ApiError (BadRequest). */
export function isDryRun(query: Query, options: Readonly<Record<string, unknown>> = {}): boolean {
  const given = [...query.getAll("dryRun"), ...((options.dryRun as string[] | undefined) ?? [])];
  const wrong = given.find((each) => each !== "All" && each !== "");
  if (wrong === undefined) return given.includes("All");
  throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(wrong)}: supported values: "All"`);
}

/** Throws ApiError (BadRequest). */
export function fieldValidationOf(query: Query): FieldValidation {
  const given = query.get("fieldValidation") || "Warn";
  if (given === "Strict" || given === "Warn" || given === "Ignore") return given;
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(given)}: supported values: "Ignore", ` +
      `"Strict", "Warn"`,
  );
}

/** Who changes fields: what they call themselves, or their program's name. */
export function fieldOwnerOf(query: Query, request: Request): string {
  const given = query.get("fieldManager");
  if (given) {
    if (given.length <= 128 && !/[^\x20-\x7e]/.test(given)) return given;
    throw badRequest("fieldManager: Invalid value: must be at most 128 printable characters");
  }
  return (request.headers.get("user-agent") ?? "unknown").split("/")[0]!.slice(0, 128) || "unknown";
}
