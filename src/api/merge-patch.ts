/** JSON merge patch. Source: RFC 7386. */
import { isObject, type JsonObject, objectOf, own, tooDeep } from "./json.ts";
import { badRequest } from "./status-error.ts";

/** The target as the patch makes it; both stay as they are. Throws BadRequest on deep nesting. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (tooDeep(patch)) throw badRequest("error decoding patch: it nests too deep");
  return merged(target, patch);
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base: JsonObject = isObject(target) ? target : {};
  const changed = Object.entries(patch)
    .filter(([, value]) => value !== null)
    .map(([name, value]): [string, unknown] => [name, merged(own(base, name), value)]);
  const kept = Object.entries(base).filter(([name]) => !Object.hasOwn(patch, name));
  return objectOf([...kept, ...changed]);
}

/**
 * A strategic merge patch, as far as it is the same as a merge patch: objects, and lists replaced
 * whole. kubectl sends them for the kinds that it has compiled in. Throws BadRequest on directives
 * (`$patch`, `$setElementOrder/…`), which merge lists.
 */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (tooDeep(patch)) throw badRequest("error decoding patch: it nests too deep");
  const directive = directiveIn(patch);
  if (directive !== undefined) {
    throw badRequest(`strategic merge patch: "${directive}" is not supported: use merge patch`);
  }
  return merged(target, patch);
}

/** Depth is bounded by the caller. */
function directiveIn(patch: unknown): string | undefined {
  if (typeof patch !== "object" || patch === null) return undefined;
  const found = isObject(patch)
    ? Object.keys(patch).find((name) => name.startsWith("$"))
    : undefined;
  return (
    found ??
    Object.values(patch)
      .map(directiveIn)
      .find((inner) => inner !== undefined)
  );
}
