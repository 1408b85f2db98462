/** Writes values as YAML that readers of YAML 1.1 and 1.2 understand the same way. */

/** The value as a document, with a line break at its end. Fields without a value are left out. */
export function yaml(value: unknown): string {
  const text = block(value, "");
  return text.startsWith("\n") ? text.slice(1) : `${text.trimStart()}\n`;
}

/** ` scalar`, or lines that each begin with `\n` and the indentation, and a last line break. */
function block(value: unknown, indent: string): string {
  if (Array.isArray(value)) return value.length === 0 ? " []" : listed(value, indent);
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, each]) => each !== undefined);
    if (fields.length === 0) return " {}";
    const lines = fields.map(([name, each]) => {
      const inner = Array.isArray(each) ? indent : `${indent}  `;
      return `\n${indent}${scalar(name, "")}:${withoutBreak(block(each, inner))}`;
    });
    return `${lines.join("")}\n`;
  }
  return ` ${scalar(value, indent)}`;
}

/** A dash before the first line of each item. */
function listed(items: readonly unknown[], indent: string): string {
  const lines = items.map((item) => {
    const text = withoutBreak(block(item, `${indent}  `));
    return `\n${indent}-${text.startsWith("\n") ? ` ${text.trimStart()}` : text}`;
  });
  return `${lines.join("")}\n`;
}

const withoutBreak = (text: string) => (text.startsWith("\n") ? text.replace(/\n$/, "") : text);

/** What YAML 1.1 takes for something else than text: numbers, times, flags, nothing. */
const mistaken =
  /^(?:[-+]?0x[\da-f_]*|[-+]?0[bo]?[\d_]*|[-+]?[\d.][\d_.,:]*(?:e[-+]?\d*)?|\d{4}-\d\d?-\d\d?.*|[-+]?\.(?:inf|nan)|~|<<|=|null|true|false|yes|no|on|off|y|n)$/i;
const plainText = /^[A-Za-z0-9_./$+~(][^\p{C}\u2028\u2029]*$/u;

function scalar(value: unknown, indent: string): string {
  if (typeof value !== "string") return JSON.stringify(value ?? null);
  const several = /^[^\s\p{C}][\s\S]*\n/u.test(value) && !/[^\P{C}\n]| \n/u.test(value);
  if (several && indent !== "") {
    const end = value.endsWith("\n\n") ? "+" : value.endsWith("\n") ? "" : "-";
    const lines = value.replace(/\n$/, "").split("\n");
    return `|${end}\n${lines.map((line) => (line === "" ? "" : indent + line)).join("\n")}`;
  }
  const isPlain = plainText.test(value) && !mistaken.test(value) && !/: |:$| #|\s$/.test(value);
  // An address is text to all.
  return isPlain || /^\d+\.\d+\.\d+\.\d+(?:\/\d+)?$/.test(value) ? value : JSON.stringify(value);
}
