/** Attachment records as a resident process keeps them: read again only when their file changed. */
import { statSync } from "node:fs";
import type { Paths } from "./paths.ts";
import { type AttachmentRecord, readRecordFile, recordPaths } from "./record.ts";

interface Known {
  /** Of the file: a record is replaced as a whole, by another file. */
  readonly identity: string;
  readonly record: AttachmentRecord | undefined;
}

/** Looking whether 1,000 records changed takes a tenth of the time of reading them. */
export class RecordCache {
  #known = new Map<string, Known>();

  /** Every readable record, as `listRecords` gives them. */
  list(paths: Paths): AttachmentRecord[] {
    return this.#look(paths).flatMap(([, { record }]) => record ?? []);
  }

  /** Paths of the others. */
  unreadable(paths: Paths): string[] {
    return this.#look(paths).flatMap(([path, { record }]) => (record ? [] : path));
  }

  #look(paths: Paths): [path: string, Known][] {
    const now = new Map<string, Known>();
    for (const path of recordPaths(paths)) {
      const identity = identityOf(path);
      if (identity === undefined) continue;
      const before = this.#known.get(path);
      const isSame = before?.identity === identity;
      now.set(path, isSame ? before : { identity, record: readRecordFile(path) });
    }
    this.#known = now;
    return [...now];
  }
}

/** Undefined for one that is gone meanwhile. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.ino} ${found.mtimeNs} ${found.size}`;
}
