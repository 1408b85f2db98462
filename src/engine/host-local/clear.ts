/** Removes what host-local leaves behind for networks that nobody uses any more. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Paths } from "../paths.ts";
import { indexedDirectory } from "./address-index.ts";
import { readBootMarker } from "./boot.ts";
import { attempt, unlessAbsent } from "./error.ts";
import { HostLocalStore } from "./store.ts";

/**
 * Removes the directories, `lock` and `last_reserved_ip.*` in them, of every network without a
 * reservation that this instance has used, and all of its own files on them. Gives the paths of
 * the directories that are gone. Throws StoreError.
 */
export function clearUnusedStores(paths: Paths): string[] {
  const ofIndexes = each(`${paths.stateDir}/ipam`, indexedDirectory);
  const ofMarkers = each(`${paths.runDir}/ipam`, (file) => readBootMarker(file)?.directory);
  const gone: string[] = [];
  for (const directory of new Set([...ofIndexes.values(), ...ofMarkers.values()])) {
    if (directory !== undefined && new HostLocalStore(directory, paths).clear()) {
      gone.push(directory);
    }
  }
  // Files that name no directory are of use to nobody.
  for (const [file, directory] of [...ofIndexes, ...ofMarkers]) {
    if (directory === undefined) attempt(`remove "${file}"`, () => rmSync(file, { force: true }));
  }
  return gone.sort();
}

function each<T>(folder: string, look: (file: string) => T): Map<string, T> {
  const list = () => unlessAbsent(() => readdirSync(folder)) ?? [];
  const files = attempt(`read "${folder}"`, list).map((name) => join(folder, name));
  return new Map(files.map((file) => [file, look(file)]));
}
