/** The tables of a store in SQLite, and its errors in words. */
import { Database, SQLiteError } from "bun:sqlite";
import { StoreUnavailableError } from "./store.ts";

/** In the file's header, so that no other program's file is taken for a store: "NLst". */
const applicationId = 0x4e4c7374;
const version = 1;

/** Keys are compared as bytes (BINARY, SQLite's own default). */
const tables = `
CREATE TABLE state(revision INTEGER NOT NULL, compacted INTEGER NOT NULL);
INSERT INTO state VALUES (1, 1);
CREATE TABLE lease(id TEXT PRIMARY KEY, ttl_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entry(
  key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, lease TEXT
);
CREATE INDEX entry_lease ON entry(lease) WHERE lease IS NOT NULL;
CREATE TABLE change(
  revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT,
  previous TEXT, previous_revision INTEGER, PRIMARY KEY (revision, key)
);
CREATE INDEX change_key ON change(key, revision);
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${version};
`;

/** Opens the file, which is made where there is none. Throws StoreUnavailableError. */
export function openTables(path: string): Database {
  return attempt(path, "open", () => {
    const database = new Database(path, { create: true, readwrite: true, strict: true });
    try {
      // FULL: a commit is on disk when it is acknowledged, also when the power goes.
      for (const pragma of ["busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL"]) {
        database.run(`PRAGMA ${pragma}`);
      }
      prepare(database, path);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Opens it for reading beside its owner. Throws StoreUnavailableError. */
export function openToRead(path: string): Database {
  return attempt(path, "read", () => {
    const database = new Database(path, { readonly: true, strict: true });
    try {
      refuseForeign(database, path);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function prepare(database: Database, path: string): void {
  const { count } = database
    .query<{ count: number }, []>("SELECT count(*) AS count FROM sqlite_schema")
    .get()!;
  if (count === 0) database.transaction(() => database.run(tables)).immediate();
  refuseForeign(database, path);
}

function refuseForeign(database: Database, path: string): void {
  const ours = pragma(database, "application_id");
  const found = pragma(database, "user_version");
  if (ours === applicationId && found === version) return;
  const what =
    ours === applicationId
      ? `its format is ${found}, and this Netloom knows ${version}: use the Netloom that wrote it`
      : "it is a database of another program: name another file";
  throw new StoreUnavailableError(`Cannot use the store "${path}": ${what}`);
}

function pragma(database: Database, name: string): number {
  return database.query<Record<string, number>, []>(`PRAGMA ${name}`).get()![name]!;
}

const restore = 'restore a backup ("netloom store restore")';
const remedies: Readonly<Record<string, string>> = {
  SQLITE_FULL: "the disk is full: free some space there",
  SQLITE_READONLY: "it can't be written: look at its file system and who may write to it",
  SQLITE_CANTOPEN: "it can't be opened: look whether its folder exists and may be written to",
  SQLITE_PERM: "it may not be used: look who may write to it",
  SQLITE_AUTH: "it may not be used: look who may write to it",
  SQLITE_BUSY: "another program has locked it: end that program",
  SQLITE_LOCKED: "another program has locked it: end that program",
  SQLITE_CORRUPT: `it is damaged: move it away, look at the disk, and ${restore}`,
  SQLITE_NOTADB: `it is damaged, or no store at all: name another file, or ${restore}`,
  SQLITE_IOERR: "the disk fails: look at the kernel's log and whether the disk is full",
};

/** Runs work on the database at `path`. What SQLite can't help becomes StoreUnavailableError. */
export function attempt<T>(path: string, verb: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = error instanceof SQLiteError ? error.code : undefined;
    const known = Object.keys(remedies).find((name) => `${code}_`.startsWith(`${name}_`));
    if (known === undefined) throw error;
    const message = `Cannot ${verb} the store "${path}": ${remedies[known]} (${code})`;
    throw new StoreUnavailableError(message, { cause: error });
  }
}
