/** Breaks text into lines for a terminal. */

const columns = 96;

/** Words in lines that begin with `indent`; empty lines between paragraphs stay. */
export function wrapped(text: string, indent = ""): string {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => linesOf(paragraph.split(/\s+/).filter(Boolean), columns - indent.length))
    .map((lines) => lines.map((line) => indent + line).join("\n"))
    .join("\n\n");
}

function linesOf(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const isFull = last === undefined || last.length + 1 + word.length > width;
    if (isFull) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
