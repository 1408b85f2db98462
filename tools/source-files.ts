/** The project's own text files, for the checks that read them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of the project. `path` is relative to its root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a check found wrong. `line` counts from 1; absent: the whole file. */
export interface Fault {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

const notOurs = new Set([".git", "node_modules", "dist", ".cache"]);
const ourTexts =
  /\.(ts|md|sh|json|jsonc|conflist|conf|txt|yml|yaml)$|(^|\/)(Makefile|run|\.npmrc)$/;

/** Every text file below `root` that people wrote, in order of path. */
export function sourceFiles(root: string): SourceFile[] {
  const found: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (notOurs.has(entry.name)) continue;
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && ourTexts.test(path)) {
        found.push({ path, text: readFileSync(join(root, path), "utf8") });
      }
    }
  };
  visit("");
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** TypeScript without its comments, line numbers kept. Good for code formatted by Biome. */
export function withoutComments(code: string): string {
  return code
    .replace(/^(\s*)\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The number of the line, from 1, on which `offset` stands. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** Prints faults as `path:line: message`; the exit status says whether there were any. */
export function report(faults: readonly Fault[]): never {
  for (const { path, line, message } of faults) {
    console.error(`${path}${line === undefined ? "" : `:${line}`}: ${message}`);
  }
  process.exit(faults.length === 0 ? 0 : 1);
}
