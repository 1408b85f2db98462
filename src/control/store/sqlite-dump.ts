/** Reads all of a store in SQLite at one revision, also beside the process that has it open. */
import type { Database } from "bun:sqlite";
import type { Dump } from "./copyable.ts";
import { attempt, openToRead } from "./sqlite-tables.ts";

/** Of the file at `path`, which another process may own. Throws StoreUnavailableError. */
export function dumpFile(path: string): Dump {
  const database = openToRead(path);
  try {
    return attempt(path, "read", () => dumpTables(database));
  } finally {
    database.close();
  }
}

/** All entries that go with no lease. */
export function dumpTables(database: Database): Dump {
  // One transaction is one state, whatever is committed meanwhile.
  return database.transaction((): Dump => {
    const { revision } = database
      .query<{ revision: number }, []>("SELECT revision FROM state")
      .get()!;
    const all = "SELECT key, value FROM entry WHERE lease IS NULL ORDER BY key";
    return { entries: database.query<{ key: string; value: string }, []>(all).all(), revision };
  })();
}
