/**
 * Checks that what every plugin call loads imports nothing of Node.js: `node:fs` alone costs each
 * call most of a millisecond. What is loaded late, by `import()`, may.
 */
import { posix } from "node:path";
import {
  type Fault,
  lineAt,
  report,
  type SourceFile,
  sourceFiles,
  withoutComments,
} from "./source-files.ts";

/** Where a plugin call begins. */
const isEntry = (path: string) =>
  path === "src/main.ts" || path === "src/cni/run.ts" || path.startsWith("src/cni/plugins/");

const staticImport = /^\s*(?:import|export)\b(?!\s+type\b)[^;"']*?(?:\bfrom\s+)?["']([^"']+)["']/gm;

/** A fault for each import of `node:*` that plugins load at once, with the way that leads to it. */
export function pluginPathFaults(files: readonly SourceFile[]): Fault[] {
  const code = new Map(files.map(({ path, text }) => [path, withoutComments(text)]));
  const via = new Map<string, string>();
  const waiting = files.map(({ path }) => path).filter((path) => isEntry(path) && !isTest(path));
  for (const path of waiting) via.set(path, path);
  const faults: Fault[] = [];
  for (const path of waiting) {
    const text = code.get(path) ?? "";
    for (const match of text.matchAll(staticImport)) {
      const specifier = match[1]!;
      if (specifier.startsWith("node:")) {
        const line = lineAt(text, match.index + match[0].lastIndexOf(specifier));
        faults.push({ path, line, message: fault(specifier, via.get(path)!) });
      }
      const target = posix.join(posix.dirname(path), specifier);
      if (!specifier.startsWith(".") || !code.has(target) || via.has(target)) continue;
      via.set(target, `${via.get(path)} → ${target}`);
      waiting.push(target);
    }
  }
  return faults;
}

const isTest = (path: string) => path.endsWith(".test.ts");

const fault = (specifier: string, way: string) =>
  `"${specifier}" is loaded by every plugin call (${way}): use src/kernel/sys/files.ts and ` +
  "src/lib/path.ts, or load this file late, by import()";

if (import.meta.main) report(pluginPathFaults(sourceFiles(process.argv[2] ?? ".")));
