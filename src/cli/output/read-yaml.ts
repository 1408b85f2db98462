/** Reads YAML that people wrote, and tells the line of what can't be read. */

/** Looking for the line takes a reading for each: of longer texts none is told. */
const mostLines = 1000;

/** `firstLine`: where the text begins in its file. JSON is YAML too. Throws SyntaxError. */
export function readYaml(text: string, firstLine = 1): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    const why = (error as Error).message.replace(/^(YAML|JSON) Parse error: /, "");
    const line = faultyLine(text);
    throw new SyntaxError(line === undefined ? why : `line ${firstLine + line - 1}: ${why}`);
  }
}

/**
 * Bun tells no place. The fault is behind the most lines that are YAML by themselves: fewer may not
 * be, within brackets or quotes, but those that are end where what can't be read begins.
 */
function faultyLine(text: string): number | undefined {
  const lines = text.split("\n");
  if (lines.length > mostLines) return undefined;
  for (let count = lines.length - 1; count > 0; count--) {
    if (isYaml(lines.slice(0, count).join("\n"))) return count + 1;
  }
  return 1;
}

function isYaml(text: string): boolean {
  try {
    Bun.YAML.parse(text);
    return true;
  } catch {
    return false;
  }
}
