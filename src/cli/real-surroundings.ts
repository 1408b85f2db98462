/** The machine itself, for commands that ask the API. */
import type { Surroundings } from "./surroundings.ts";
import { realTerminal } from "./terminal.ts";

export function realSurroundings(
  given: Pick<Surroundings, "version" | "attachPort" | "copyStore">,
): Surroundings {
  return {
    ...given,
    env: process.env,
    terminal: realTerminal(process.env),
    fetch,
    readStdin: () => Bun.stdin.text(),
    now: Date.now,
    sleep: Bun.sleep,
  };
}
