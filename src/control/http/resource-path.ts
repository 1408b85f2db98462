/** Which objects a path is about. */
import type { Kind } from "../../api/kind.ts";
import { rootOf } from "../../api/openapi/operations.ts";

type AnyKind = Kind<any, any>;

export interface ResourcePath {
  readonly kind: AnyKind;
  readonly namespace?: string;
  /** Absent: all of the kind. */
  readonly name?: string;
  /** `status`, `nodespec`. */
  readonly subresource?: string;
}

/** What a path names; undefined: nothing of these kinds. Its parts are decoded, not checked. */
export function parseResourcePath(
  path: string,
  kinds: readonly AnyKind[],
): ResourcePath | undefined {
  const roots = new Map(kinds.map((kind) => [rootOf(kind), kind]));
  const root = [...roots.keys()].find((each) => path.startsWith(`${each}/`));
  if (root === undefined) return undefined;
  const parts = decodeParts(path.slice(root.length + 1));
  if (!parts) return undefined;
  const find = (plural: string, namespaced: boolean) =>
    kinds.find(
      (kind) => rootOf(kind) === root && kind.plural === plural && kind.namespaced === namespaced,
    );
  if (parts[0] === "namespaces" && parts.length > 2) {
    const [, namespace, plural, ...rest] = parts as [string, string, string];
    const kind = find(plural, true);
    if (kind) return { kind, namespace, ...inner(rest) };
  }
  const [plural, ...rest] = parts as [string];
  const kind = find(plural, false) ?? find(plural, true);
  // Objects in a namespace are named within it; all together they are only listed.
  if (!kind || rest.length > (kind.namespaced ? 0 : 2)) return undefined;
  return { kind, ...inner(rest) };
}

function inner([name, subresource, ...more]: readonly string[]): Partial<ResourcePath> {
  if (more.length > 0) return { name, subresource: [subresource, ...more].join("/") };
  return { ...(name !== undefined && { name }), ...(subresource !== undefined && { subresource }) };
}

/** Undefined where a part is empty, or no text. */
function decodeParts(path: string): readonly string[] | undefined {
  try {
    const parts = path.replace(/\/$/, "").split("/").map(decodeURIComponent);
    return parts.some((part) => part === "" || part.includes("/")) ? undefined : parts;
  } catch {
    return undefined;
  }
}
