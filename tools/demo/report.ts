/** How the demo speaks: short aligned lines, each step with its time. */

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

/** Together with the time, a terminal of 80 columns. */
const labelColumns = 30;
const detailColumns = 40;

/** A step that went wrong, said to the person at the terminal. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}

export function heading(text: string): void {
  console.log(`\n${paint(1, text)}`);
}

/** Runs `work`; its result is the line's detail. Prints the line with the milliseconds it took. */
export async function step(label: string, work: () => Promise<string> | string): Promise<void> {
  const started = performance.now();
  try {
    const detail = await work();
    const took = `${Math.round(performance.now() - started)} ms`;
    const [first = "", ...more] = wrap(detail);
    console.log(`  ${label.padEnd(labelColumns)}${first.padEnd(detailColumns)}${took.padStart(8)}`);
    for (const line of more) console.log(`  ${" ".repeat(labelColumns)}${line}`);
  } catch (error) {
    console.log(`  ${label.padEnd(labelColumns)}${paint(31, "FAILED")}`);
    throw error;
  }
}

/** The same for a command that a person could type: what it gave goes below it. */
export async function command(line: string, work: () => Promise<string>): Promise<void> {
  const started = performance.now();
  const columns = labelColumns + detailColumns;
  try {
    const detail = await work();
    const took = `${Math.round(performance.now() - started)} ms`;
    console.log(
      `  ${paint(36, line)}${" ".repeat(Math.max(1, columns - line.length))}${took.padStart(8)}`,
    );
    console.log(detail.replace(/^(?=.)/gm, "    "));
  } catch (error) {
    console.log(`  ${paint(36, line)} ${paint(31, "FAILED")}`);
    throw error;
  }
}

/** Rows of equal columns. */
export function rows(cells: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of cells) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  for (const row of cells) {
    const line = row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ");
    console.log(`  ${line.trimEnd()}`);
  }
}

export function failure(text: string): void {
  console.log(`\n${paint(31, text)}`);
}

export function success(text: string): void {
  console.log(`\n${paint(32, text)}`);
}

function wrap(text: string): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + word.length >= detailColumns) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
