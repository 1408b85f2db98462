/** Finds the JSON merge patch (RFC 7386) that leads from one value to another. */

/** Undefined where they are equal. */
export function mergePatchOf(from: unknown, to: unknown): unknown {
  if (!isMap(from) || !isMap(to)) return Bun.deepEquals(from, to) ? undefined : (to ?? null);
  const patch: [string, unknown][] = [];
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (!Object.hasOwn(to, name)) {
      if (from[name] !== undefined) patch.push([name, null]);
      continue;
    }
    const inner = mergePatchOf(Object.hasOwn(from, name) ? from[name] : undefined, to[name]);
    if (inner !== undefined) patch.push([name, inner]);
  }
  return patch.length === 0 ? undefined : Object.fromEntries(patch);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
