/** Tests the tables of commands: that they hold together, and that their examples can be read. */
import { describe, expect, test } from "bun:test";
import type { Flags } from "../command.ts";
import { helpFlag } from "../flags.ts";
import { commandHelp, groupHelp, groupSummaries, overview } from "../help.ts";
import { manifestOf } from "../objects/create.ts";
import { readCommandLine } from "../options.ts";
import { commandLoaders, groups, loadAll, otherCommands } from "./index.ts";

const commands = await loadAll();

describe.each(commands.map((command) => [command.name, command] as const))(
  "%s",
  (name, command) => {
    test("is where its name says", () => expect(Object.keys(commandLoaders)).toContain(name));

    test("has a sentence, and help that fits a terminal", () => {
      expect(command.summary).toMatch(/^[A-Z].*\.$/);
      for (const line of commandHelp(command).split("\n")) {
        expect(Bun.stringWidth(line)).toBeLessThanOrEqual(
          line.startsWith("  netloom ") ? 140 : 100,
        );
      }
    });

    test("has each letter once", () => {
      const flags = { ...command.flags, ...helpFlag };
      const letters = Object.values(flags).flatMap(({ short }) => (short ? [short] : []));
      expect(new Set(letters).size).toBe(letters.length);
      for (const flag of Object.values(flags)) expect(flag.summary).not.toEndWith(".");
    });

    test("has examples that can be read", () => {
      for (const { line } of command.examples) {
        if (line.startsWith("$ ")) continue;
        const called = commands.find(
          (each) => line.startsWith(`${each.name} `) || line === each.name,
        )!;
        const words = wordsOf(line).slice(called.name.split(" ").length);
        const { operands, options } = readCommandLine(words, {
          ...called.flags,
          ...helpFlag,
        } as Flags);
        if (called.name === "create" && !options.filename) manifestOf(operands);
      }
    });
  },
);

/** As a shell splits them, as far as the examples go. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:[^\s']+|'[^']*')+/g) ?? [];
  return words.map((word) => word.replaceAll("'", ""));
}

test("help names every command", () => {
  const text = overview(commands, otherCommands);
  const single = commands.filter(({ name }) => !name.includes(" "));
  for (const { name } of [
    ...single,
    ...otherCommands,
    ...groups().map((group) => ({ name: group })),
  ]) {
    expect(text).toMatch(new RegExp(`^  ${name} +[A-Z]`, "m"));
  }
});

test("every group has a sentence, and names its commands", () => {
  expect(Object.keys(groupSummaries).sort()).toEqual(groups().sort());
  const parts = commands.filter(({ name }) => name.startsWith("port "));
  expect(groupHelp("port", parts)).toContain("netloom port attach   Attaches");
});
