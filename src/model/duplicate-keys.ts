/** Finds a key that an object in a JSON text has twice: JSON.parse takes the last in silence. */

const tokens = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}[\]]/g;

/** A key that stands twice in an object that is the value of a field of this name, anywhere. */
export function duplicateKey(json: string, field: string): string | undefined {
  const wanted = field.toLowerCase();
  const open: (Set<string> | undefined)[] = [];
  let name = "";
  for (const [token, text, colon] of json.matchAll(tokens)) {
    if (token === "{") open.push(name === wanted ? new Set() : undefined);
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    if (colon === undefined) {
      name = "";
      continue;
    }
    const key = JSON.parse(`"${text}"`) as string;
    const seen = open.at(-1);
    if (seen?.has(key)) return key;
    seen?.add(key);
    name = key.toLowerCase();
  }
  return undefined;
}
