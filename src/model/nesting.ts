/** How deep JSON nests, by its text: to parse one that nests without end takes long, or fails. */

/** Whether more than `depth` brackets are open at once. */
export function nestsDeeper(json: string, depth: number): boolean {
  if (json.length <= depth) return false;
  let open = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (inText) {
      if (char === "\\") i++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === "[" || char === "{") {
      if (++open > depth) return true;
    } else if (char === "]" || char === "}") open--;
  }
  return false;
}
