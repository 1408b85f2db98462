/** Standard input and output, read and written whole, whatever kind of pipe the runtime made. */
import { readSync, writeSync } from "../kernel/sys/files.ts";

const stdin = 0;
const stdout = 1;

/** All of standard input as text. Throws what reading throws. */
export function readInput(): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const chunk = new Uint8Array(16 * 1024);
  let text = "";
  for (;;) {
    const length = whenReady(() => readSync(stdin, chunk));
    if (length === 0) return text + decoder.decode();
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
}

/** Writes the text and a newline. Throws what writing throws. */
export function writeOutput(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let sent = 0; sent < bytes.length; ) {
    sent += whenReady(() => writeSync(stdout, bytes.subarray(sent)));
  }
}

/** A runtime's own event loop may have made the pipe non-blocking for us too. */
function whenReady(work: () => number): number {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}
