/** The tidiness check's own exam: each bad file is a fault, good ones are none. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sourceFiles } from "./source-files.ts";
import { tidyFaults } from "./tidy.ts";

const doc = "/** Does one thing. */\n";
const joined = (...parts: string[]) => parts.join("");
const functionOf = (lines: number) => `export function f() {\n${"  g();\n".repeat(lines - 2)}}\n`;

describe("untidy", () => {
  const cases: [name: string, path: string, text: string, said: string][] = [
    ["401 lines", "src/a.ts", doc + "x;\n".repeat(400), "401 lines"],
    ["no opening sentence", "src/a.ts", "export const a = 1;\n", "open with one sentence"],
    [
      "a line comment instead of a sentence",
      "src/a.ts",
      "// Does it.\nx();\n",
      "open with one sentence",
    ],
    ["an opening without a full stop", "src/a.ts", "/** Does it */\n", "open with one sentence"],
    ["a function of 61 lines", "src/a.ts", doc + functionOf(61), "a function of 61 lines"],
    ["a comment of 101 columns", "src/a.ts", `${doc}// ${"x".repeat(98)}\n`, "101 columns"],
    ["a banned word in a name", "src/a.ts", `${doc}const linkHelper = 1;\n`, '"helper"'],
    ["a banned word in a type", "src/a.ts", `${doc}class HTTPManager {}\n`, '"manager"'],
    ["another word for a link", "src/a.ts", `${doc}let iface = 1;\n`, '"iface"'],
    ["a banned word as a file's name", "src/kernel/utils.ts", doc, '"utils"'],
    ["a link that leads nowhere", "docs/a.md", "see [b](../src/b.ts#c)\n", "leads nowhere"],
    ["work left over", "docs/a.md", joined("TO", "DO: write\n"), "finish it"],
    ["a test alone", "src/a.test.ts", `${doc}${joined("test.", "only")}("x", f);\n`, "skipIf"],
    ["a test put aside", "src/a.test.ts", `${doc}${joined("test.", "skip")}("x", f);\n`, "skipIf"],
    [
      "a suite put aside",
      "src/a.test.ts",
      `${doc}${joined("describe.", "skip")}("x", f);\n`,
      "skipIf",
    ],
    ["a test yet to write", "src/a.test.ts", `${doc}${joined("test.", "todo")}("x");\n`, "skipIf"],
    ["a path of this machine", "docs/a.md", joined("see /wo", "rk/x\n"), "one machine"],
    [
      "a registry's host",
      "package-lock.json",
      joined("https://regis", "try.example.com/x\n"),
      "registry",
    ],
  ];
  test.each(cases)("%s", (_name, path, text, said) => {
    const faults = tidyFaults([{ path, text }]);
    expect(faults).toHaveLength(1);
    expect(faults[0]!.message).toContain(said);
  });
});

describe("tidy", () => {
  const cases: [name: string, path: string, text: string][] = [
    ["400 lines", "src/a.ts", doc + "x;\n".repeat(399)],
    ["a longer opening", "src/a.ts", "/**\n * Does one thing.\n * And says why.\n */\n"],
    ["an interpreter before the sentence", "src/a.ts", `#!/usr/bin/env bun\n${doc}`],
    ["a function of 60 lines", "src/a.ts", doc + functionOf(60)],
    ["a banned word in prose", "src/a.ts", `${doc}// A common case.\nx("util");\n`],
    ["a word that holds a banned one", "src/a.ts", `${doc}const simple = unicast + explicit;\n`],
    [
      "links to itself, its folder and the world",
      "docs/a.md",
      "[a](a.md) [b](./) [c](https://x.y/)\n",
    ],
    [
      "a condition with its reason elsewhere",
      "src/a.test.ts",
      `${doc}test.skipIf(!vlan)("x", f);\n`,
    ],
  ];
  test.each(cases)("%s", (_name, path, text) => {
    expect(tidyFaults([{ path, text }])).toEqual([]);
  });
});

test("the commands fail on a bad tree, naming file and line", () => {
  const root = mkdtempSync(join(tmpdir(), "netloom-tidy-"));
  try {
    mkdirSync(join(root, "src", "lib"), { recursive: true });
    writeFileSync(join(root, "src/lib/a.ts"), 'import "node:fs";\nlet iface = 1;\n');
    expect(sourceFiles(root).map(({ path }) => path)).toEqual(["src/lib/a.ts"]);
    for (const [tool, said] of [
      ["layers", "src/lib/a.ts:1: "],
      ["tidy", "src/lib/a.ts:2: "],
    ] as const) {
      const run = Bun.spawnSync([process.execPath, join(import.meta.dir, `${tool}.ts`), root]);
      expect(run.exitCode).toBe(1);
      expect(run.stderr.toString()).toContain(said);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});
