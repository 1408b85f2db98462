/** Makes new files survive a crash of the host, while the main thread does other work. */
import { Background } from "../../kernel/sys/background.ts";
import { closeSync, type FileError, openSync } from "../../kernel/sys/files.ts";
import type { Begun } from "../../lib/begun.ts";
import { StoreError, unlessAbsent } from "./error.ts";

/**
 * Begins to write files, and the directories that name them, to the disk: all at once, for then
 * they wait for one turn of the file system's journal together. What is gone already is passed
 * over. Throws StoreError when finished, once nothing is under way any more.
 */
export function beginSync(paths: readonly string[]): Begun {
  const syncs = paths.flatMap((path) => beginOne(path) ?? []);
  let failures: readonly StoreError[] | undefined;
  return {
    finish() {
      failures ??= syncs.flatMap(({ finish }) => finish() ?? []);
      if (failures[0]) throw failures[0];
    },
  };
}

function beginOne(path: string): Begun<StoreError | undefined> | undefined {
  const fd = unlessAbsent(() => openSync(path, "r"));
  if (fd === undefined) return undefined;
  const sync = Background.fsync(fd);
  return {
    finish() {
      try {
        sync.finish();
        return undefined;
      } catch (cause) {
        return new StoreError(`write "${path}" to the disk`, cause as FileError);
      } finally {
        closeSync(fd);
      }
    },
  };
}
