/** `netloom version`: main.ts prints it, before anything else is loaded. */
import { defineCommand } from "../command.ts";

export const versionCommand = defineCommand({
  name: "version",
  summary: "Shows the version.",
  usage: [""],
  flags: {},
  examples: [],
  run: async ({ line, surroundings }) => {
    const { UsageError } = await import("../options.ts");
    const [extra] = line.operands;
    if (extra !== undefined) throw new UsageError(`netloom version takes no "${extra}"`);
    surroundings.terminal.out(`netloom ${surroundings.version}\n`);
    return 0;
  },
});
