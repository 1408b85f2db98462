/** What SQLite remembers of changes: rows of the table `change`, as batches and by their size. */
import type { Database } from "bun:sqlite";
import type { EventBatch, StoreEvent } from "./store.ts";

interface ChangeRow {
  readonly revision: number;
  readonly key: string;
  readonly value: string | null;
  readonly previous: string | null;
  /** Of both. */
  readonly bytes: number;
}

/** What is read at once, in rows and bytes, and what its last commit has beyond. */
const page = { rows: 512, bytes: 2 ** 22 } as const;

/** All throw SQLiteError. */
export class History {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The next commits after a revision. */
  after(revision: number): EventBatch[] {
    const batches: { revision: number; events: StoreEvent[] }[] = [];
    let [rows, bytes] = [0, 0];
    for (const row of this.#database.query<ChangeRow, [number]>(changes).iterate(revision)) {
      if (batches.at(-1)?.revision !== row.revision) {
        if (rows >= page.rows || bytes >= page.bytes) break;
        batches.push({ revision: row.revision, events: [] });
      }
      batches.at(-1)!.events.push(eventOf(row));
      rows++;
      bytes += row.bytes;
    }
    return batches;
  }

  /** Of values up to a revision. */
  bytesUpTo(revision: number): number {
    return this.#database.query<{ sum: number }, [number]>(sum).get(revision)!.sum;
  }

  /** The revision up to which there are so many bytes, or all that there are. */
  revisionAfter(bytes: number): number {
    let [found, left] = [0, bytes];
    for (const row of this.#database.query<ChangeRow, []>(sizes).iterate()) {
      if (left <= 0 && row.revision !== found) break;
      found = row.revision;
      left -= row.bytes;
    }
    return found;
  }
}

const rowBytes = "ifnull(octet_length(value), 0) + ifnull(octet_length(previous), 0)";
const changes = `
SELECT revision, key, value, previous, ${rowBytes} AS bytes FROM change
WHERE revision > ? ORDER BY revision, key`;
const sizes = `SELECT revision, ${rowBytes} AS bytes FROM change ORDER BY revision`;
const sum = `SELECT ifnull(sum(${rowBytes}), 0) AS sum FROM change WHERE revision <= ?`;

/** As SQLite counts them. */
export const bytesOf = ({ value = "", previous = "" }: StoreEvent): number =>
  Buffer.byteLength(value) + Buffer.byteLength(previous);

function eventOf({ revision, key, value, previous }: ChangeRow): StoreEvent {
  return {
    key,
    revision,
    ...(value !== null && { value }),
    ...(previous !== null && { previous }),
  };
}
