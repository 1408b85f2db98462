/** Writes to standard output and error: colours and progress only where a person looks. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";

export type Colour = "red" | "green" | "yellow" | "bold" | "dim";

export interface Terminal {
  /** Results: standard output, as it is. */
  out(text: string): void;
  /** Everything else: a line on standard error. */
  note(line: string): void;
  /** The text in colour, if a person looks at it and wants colours. */
  paint(colour: Colour, text: string): string;
  /** The same on standard error. */
  paintNote(colour: Colour, text: string): string;
  /** Whether a person looks at the results. */
  readonly isWatched: boolean;
  /** Shows that something is being waited for, until the returned function is called. */
  progress(text: () => string): () => void;
}

const codes: Readonly<Record<Colour, string>> = {
  red: "31",
  green: "32",
  yellow: "33",
  bold: "1",
  dim: "2",
};

const frames = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];
const frameMs = 120;
/** What is done sooner needs no spinner. */
const patienceMs = 400;

export function realTerminal(env: Readonly<Record<string, string | undefined>>): Terminal {
  const outWatched = isatty(1);
  const errWatched = isatty(2);
  const wanted = !env.NO_COLOR && env.TERM !== "dumb";
  const painter = (coloured: boolean) => (colour: Colour, text: string) =>
    coloured && text !== "" ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
  return {
    out: (text) => writeAll(1, text),
    note: (line) => writeAll(2, `${line}\n`),
    paint: painter(outWatched && wanted),
    paintNote: painter(errWatched && wanted),
    isWatched: outWatched,
    progress: (text) => (errWatched && env.TERM !== "dumb" ? spin(text) : () => {}),
  };
}

function spin(text: () => string): () => void {
  const begun = Date.now();
  let shown = false;
  const timer = setInterval(() => {
    const elapsed = Date.now() - begun;
    if (elapsed < patienceMs) return;
    shown = true;
    const frame = frames[Math.floor(elapsed / frameMs) % frames.length];
    writeAll(2, `\r\x1b[K${frame} ${text()} (${Math.floor(elapsed / 1000)} s)`);
  }, frameMs);
  return () => {
    clearInterval(timer);
    if (shown) writeAll(2, "\r\x1b[K");
  };
}

/** Writes all of it. A reader that has gone, as `head` does, ends the process quietly. */
function writeAll(fd: number, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") process.exit(0);
      // A pipe that another made non-blocking, and that is full.
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}
