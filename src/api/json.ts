/** JSON values: which they are, whether two are equal, what stands at a path. */

/** An object of JSON, its members not looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Objects within objects and lists: more is no object of ours, and a danger to recursion. */
export const maxDepth = 64;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of the object's own: never `constructor` of its prototype. */
export function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Without the members that are undefined. `__proto__` stays a member like others. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): JsonObject {
  return Object.fromEntries([...entries].filter(([, value]) => value !== undefined));
}

/** Whether it nests deeper than `depth`. Does not recurse itself. */
export function tooDeep(value: unknown, depth: number = maxDepth): boolean {
  let level: unknown[] = [value];
  for (let at = 0; level.length > 0; at++) {
    if (at > depth) return true;
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null
        ? Object.values(each).filter((inner) => typeof inner === "object" && inner !== null)
        : [],
    );
  }
  return false;
}

/** Whether both are the same JSON; the order of an object's members does not count. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => equalJson(item, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a).filter((name) => a[name] !== undefined);
  return (
    names.length === Object.keys(b).filter((name) => b[name] !== undefined).length &&
    names.every((name) => Object.hasOwn(b, name) && equalJson(a[name], b[name]))
  );
}

/** One text for equal values: JSON with the members of objects in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What stands at `spec.fixedIps[0].address` or `metadata.labels[a.b/c]`; undefined: nothing. */
export function atPath(value: unknown, path: string): unknown {
  let at = value;
  for (const [, name, index] of path.matchAll(/\.?([^.[\]]+)|\[([^\]]*)\]/g)) {
    at = Array.isArray(at) ? at[Number(index ?? name)] : own(at, (name ?? index)!);
  }
  return at;
}
