/** Shows how two texts differ, as `diff -u` does. */

interface Line {
  readonly mark: " " | "-" | "+";
  readonly text: string;
}

/** Lines of equal text around a change. */
const around = 3;

/** The unified difference with both names, or the empty text where there is none. */
export function unifiedDiff(
  from: { readonly name: string; readonly text: string },
  to: { readonly name: string; readonly text: string },
): string {
  if (from.text === to.text) return "";
  const lines = compared(linesOf(from.text), linesOf(to.text));
  const changed = lines.flatMap(({ mark }, at) => (mark === " " ? [] : [at]));
  const hunks: { start: number; end: number }[] = [];
  for (const at of changed) {
    const last = hunks.at(-1);
    if (last && at - around <= last.end) last.end = at + around + 1;
    else hunks.push({ start: Math.max(0, at - around), end: at + around + 1 });
  }
  const shown = hunks.map(({ start, end }) => hunk(lines, start, Math.min(end, lines.length)));
  return [`--- ${from.name}`, `+++ ${to.name}`, ...shown.flat(), ""].join("\n");
}

function hunk(lines: readonly Line[], start: number, end: number): string[] {
  const count = (part: readonly Line[], without: "-" | "+") =>
    part.filter(({ mark }) => mark !== without).length;
  const before = lines.slice(0, start);
  const part = lines.slice(start, end);
  const place = (without: "-" | "+") => {
    const length = count(part, without);
    return `${count(before, without) + (length === 0 ? 0 : 1)},${length}`;
  };
  return [`@@ -${place("+")} +${place("-")} @@`, ...part.map(({ mark, text }) => mark + text)];
}

const linesOf = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

/** By the longest common subsequence: objects have hundreds of lines, not thousands. */
function compared(from: readonly string[], to: readonly string[]): Line[] {
  const columns = to.length + 1;
  const lengths = new Uint32Array((from.length + 1) * columns);
  const at = (row: number, column: number) => lengths[row * columns + column]!;
  for (let row = from.length - 1; row >= 0; row--) {
    for (let column = to.length - 1; column >= 0; column--) {
      lengths[row * columns + column] =
        from[row] === to[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let row = 0;
  let column = 0;
  while (row < from.length || column < to.length) {
    if (row < from.length && column < to.length && from[row] === to[column]) {
      lines.push({ mark: " ", text: from[row++]! });
      column++;
    } else if (
      row < from.length &&
      (column >= to.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      lines.push({ mark: "-", text: from[row++]! });
    } else lines.push({ mark: "+", text: to[column++]! });
  }
  return lines;
}
