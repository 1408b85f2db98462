/** The exam of the check on what plugin calls load. */
import { expect, test } from "bun:test";
import { pluginPathFaults } from "./plugin-path.ts";

const file = (path: string, text: string) => ({ path, text });
const entry = file("src/cni/plugins/a.ts", 'import { b } from "../../engine/b.ts";\n');

const cases: [string, string, number][] = [
  ["an import of Node.js that a plugin loads is a fault", 'import { x } from "node:fs";\n', 1],
  ["also one for its effect alone", 'import "node:fs";\n', 1],
  ["a type is none, for it is not loaded", 'import type { X } from "node:fs";\n', 0],
  ["nor is what is loaded late", 'const x = await import("node:fs");\n', 0],
  ["nor what a comment says", '// import { x } from "node:fs";\n', 0],
];
test.each(cases)("%s", (_, text, count) => {
  const faults = pluginPathFaults([entry, file("src/engine/b.ts", text)]);
  expect(faults).toHaveLength(count);
  if (count > 0) expect(faults[0]!.message).toContain("src/cni/plugins/a.ts → src/engine/b.ts");
});

test("a file that no plugin loads may import it", () => {
  const text = 'import { x } from "node:fs";\n';
  expect(pluginPathFaults([entry, file("src/doctor/c.ts", text)])).toEqual([]);
});
