/** Standard input and output, read and written whole, whatever kind of pipe the runtime made. */
import { readSync, writeSync } from "node:fs";

const stdin = 0;
const stdout = 1;

/** All of standard input as text. Throws what reading throws. */
export function readInput(): string {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(64 * 1024);
    const length = whenReady(() => readSync(stdin, chunk));
    if (length === 0) return Buffer.concat(chunks).toString();
    chunks.push(chunk.subarray(0, length));
  }
}

/** Writes the text and a newline. Throws what writing throws. */
export function writeOutput(text: string): void {
  const bytes = Buffer.from(`${text}\n`);
  for (let sent = 0; sent < bytes.length; ) {
    sent += whenReady(() => writeSync(stdout, bytes, sent));
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
