/** The layering check's own exam: each forbidden import is a fault, each allowed one is none. */
import { describe, expect, test } from "bun:test";
import { layerFaults, rooms } from "./layers.ts";

const faultsOf = (path: string, text: string) => layerFaults([{ path, text }]);

describe("forbidden", () => {
  const cases: [name: string, path: string, code: string, said: string][] = [
    [
      "a lower room importing a higher",
      "src/lib/a.ts",
      'import { x } from "../model/x.ts";',
      'may not import "../model/x.ts"',
    ],
    [
      "the same as a type",
      "src/model/a.ts",
      'import type { X } from "../plan/x.ts";',
      'may not import "../plan/x.ts"',
    ],
    [
      "the same over several lines",
      "src/lib/a.ts",
      'import {\n  x,\n  y,\n} from "../model/x.ts";',
      'may not import "../model/x.ts"',
    ],
    [
      "the same as an export",
      "src/lib/a.ts",
      'export * from "../model/x.ts";',
      'may not import "../model/x.ts"',
    ],
    [
      "the same when loaded late",
      "src/cni/a.ts",
      'const x = await import("../docker/x.ts");',
      'may not import "../docker/x.ts"',
    ],
    [
      "two rooms below cni importing each other",
      "src/dns/a.ts",
      'import "../bgp/x.ts";',
      'may not import "../bgp/x.ts"',
    ],
    [
      "the kernel from cni",
      "src/cni/a.ts",
      'import { x } from "../kernel/netns/netns.ts";',
      "may not import",
    ],
    [
      "a room whose name starts alike",
      "src/engine/a.ts",
      'import "../planner/x.ts";',
      'may not import "../planner/x.ts"',
    ],
    [
      "other kernel folders than sys from control",
      "src/control/a.ts",
      'import "../kernel/nft/x.ts";',
      "may not import",
    ],
    ["leaving src", "src/kernel/a.ts", 'import "../../tools/layers.ts";', "may not import"],
    ["a test from the product", "src/lib/a.ts", 'import "./b.test.ts";', "may not import the test"],
    [
      "Node.js in a pure room",
      "src/plan/a.ts",
      'import { readFileSync } from "node:fs";',
      "is pure",
    ],
    ["Bun in a pure room", "src/ipam/a.ts", 'import { sql } from "bun";', "is pure"],
    ["the Bun global in a pure room", "src/lib/a.ts", "const a = Bun.hash(1);", "global Bun"],
    [
      "the process global in a pure room",
      "src/lib/a.ts",
      "const a = process.env.X;",
      "global process",
    ],
    [
      "foreign functions elsewhere than in sys",
      "src/engine/a.ts",
      'import { ptr } from "bun:ffi";',
      'may import "bun:ffi"',
    ],
    [
      "a package that no table lists",
      "src/kernel/a.ts",
      'import { z } from "zod";',
      'package "zod"',
    ],
    ["an unlisted folder", "src/utilities/a.ts", "", '"src/utilities" is no room'],
    ["a file beside the entrance", "src/other.ts", "", '"src" is no room'],
  ];
  test.each(cases)("%s", (_name, path, code, said) => {
    const faults = faultsOf(path, `/** Doc. */\n${code}\n`);
    expect(faults).toHaveLength(1);
    expect(faults[0]!.message).toContain(said);
  });
});

describe("allowed", () => {
  const cases: [name: string, path: string, code: string][] = [
    ["the own room", "src/lib/a.ts", 'import { x } from "./b/x.ts";'],
    ["a room above", "src/engine/a.ts", 'import { x } from "../plan/x.ts";'],
    ["kernel/sys from control", "src/control/a.ts", 'import "../kernel/sys/libc.ts";'],
    ["Node.js outside the pure rooms", "src/kernel/a.ts", 'import { openSync } from "node:fs";'],
    ["foreign functions in sys", "src/kernel/sys/a.ts", 'import { ptr } from "bun:ffi";'],
    ["any room for the entrance", "src/main.ts", 'await import("./cni/main.ts");'],
    ["anything for a test", "src/lib/a.test.ts", 'import { test } from "bun:test";'],
    ["an import in a comment", "src/lib/a.ts", '// import { x } from "node:fs";\n/* Bun.file() */'],
    ["a word that ends like a global", "src/lib/a.ts", "const a = preprocess.run(myBun.x);"],
  ];
  test.each(cases)("%s", (_name, path, code) => {
    expect(faultsOf(path, `/** Doc. */\n${code}\n`)).toEqual([]);
  });
});

test("a fault names the line", () => {
  const code = '/** Doc. */\nimport { a } from "./a.ts";\nimport { x } from "node:fs";\n';
  expect(faultsOf("src/lib/a.ts", code)[0]!.line).toBe(3);
});

test("the table holds no circle", () => {
  const reaches = (from: string, seen: readonly string[]): void => {
    expect(seen).not.toContain(from);
    for (const part of rooms[from]!.imports) reaches(part.split("/")[0]!, [...seen, from]);
  };
  for (const name of Object.keys(rooms)) reaches(name, []);
});
