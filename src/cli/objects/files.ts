/** Reads objects from files, folders and standard input. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../options.ts";
import { readYaml } from "../output/read-yaml.ts";
import type { Surroundings } from "../surroundings.ts";
import { type Manifest, manifestsOf } from "./manifest.ts";

interface FileOptions {
  readonly filename?: readonly string[];
  readonly recursive?: readonly string[];
}

const endings = [".yaml", ".yml", ".json"];

/** All objects of the files that `-f` names. Throws UsageError, an Error that names the file. */
export async function readFiles(
  { filename = [], recursive }: FileOptions,
  { readStdin }: Pick<Surroundings, "readStdin">,
): Promise<Manifest[]> {
  if (filename.length === 0)
    throw new UsageError("Name a file: -f FILE, or -f - to read from a pipe");
  const manifests: Manifest[] = [];
  for (const path of filename) {
    if (path === "-") manifests.push(...parsed(await readStdin(), "standard input"));
    else {
      const files = filesAt(path, recursive !== undefined);
      for (const file of files) manifests.push(...parsed(readText(file), file));
    }
  }
  if (manifests.length > 0) return manifests;
  throw new Error(`There is no object in ${filename.map((path) => `"${path}"`).join(", ")}`);
}

function filesAt(path: string, recursive: boolean): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`There is no file "${path}"`);
  if (!found.isDirectory()) return [path];
  const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return entries.flatMap((entry) => {
    const inner = join(path, entry.name);
    if (statSync(inner, { throwIfNoEntry: false })?.isDirectory()) {
      return recursive ? filesAt(inner, true) : [];
    }
    return endings.some((ending) => entry.name.endsWith(ending)) ? [inner] : [];
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`Cannot read "${path}": ${(error as Error).message}`);
  }
}

/** The objects of a text. JSON is YAML too. */
export function parsed(text: string, source: string): Manifest[] {
  const documents = documentsOf(text, source);
  return documents.flatMap(({ value, place }) => manifestsOf(value, place));
}

function documentsOf(text: string, source: string): { value: unknown; place: string }[] {
  // Each on its own, so that a fault is told with its document's place.
  let firstLine = 1;
  const documents = text.split(/^---(?=\s|$)/m).flatMap((part) => {
    const lines = part.split("\n");
    const document = { part, firstLine };
    firstLine += lines.length - 1;
    return lines.every((line) => /^\s*(#.*|\.\.\.)?$/.test(line)) ? [] : [document];
  });
  return documents.map(({ part, firstLine }, at) => {
    const place = documents.length === 1 ? source : `${source}, document ${at + 1}`;
    try {
      return { value: readYaml(part, firstLine), place };
    } catch (error) {
      throw new Error(`${place} can't be read: ${(error as Error).message}`);
    }
  });
}
