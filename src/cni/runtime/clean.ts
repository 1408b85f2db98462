/** What `netloom clean` does and prints. */
import { writeSync } from "node:fs";
import { clean } from "../../engine/clean.ts";
import { openEngine } from "../../engine/engine.ts";
import type { Paths } from "../../engine/paths.ts";
import { toCniError } from "../errors.ts";

/**
 * Cleans, what `alsoOf` removes too, and gives the exit status. Errors are printed, never thrown.
 */
export async function runCleanCommand(
  alsoOf: (paths: Paths) => Promise<readonly string[]>,
): Promise<number> {
  try {
    using engine = openEngine();
    const removed = [...(await clean(engine)), ...(await alsoOf(engine.paths))];
    for (const what of removed) writeSync(1, `Removed ${what}\n`);
    if (removed.length === 0) writeSync(1, "Nothing to remove\n");
    return 0;
  } catch (error) {
    writeSync(2, `netloom: ${toCniError(error).message}\n`);
    return 1;
  }
}
