/** A file that holds all entries of a store at one revision, whatever kind of store it is from. */
import { fsyncSync } from "node:fs";
import { dirname } from "node:path";
import { existsSync, readFileSync } from "../../kernel/sys/files.ts";
import { replaceFile } from "../../kernel/sys/whole-file.ts";
import type { Dump } from "./copyable.ts";
import { checkCommit } from "./keys.ts";

const format = "netloom store 1";

/** The file is no backup, not as it was written, or can't be written there. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** The first line; an entry's key and value are a line each after it. */
interface Header {
  readonly format: string;
  readonly revision: number;
  readonly entries: number;
  /** Of all that follows this line. */
  readonly sha256: string;
}

/** Replaces the file as a whole; only root may read it. Throws FileError, BackupError. */
export function writeBackup(path: string, { entries, revision }: Dump): void {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    const remedy = "make it, or name another file";
    throw new BackupError(`Cannot back up to "${path}": there is no folder "${folder}": ${remedy}`);
  }
  const lines = entries.map(({ key, value }) => `${JSON.stringify([key, value])}\n`);
  const body = lines.join("");
  const header: Header = { format, revision, entries: entries.length, sha256: sha256(body) };
  replaceFile(path, `${JSON.stringify(header)}\n${body}`, fsyncSync);
}

/** Throws FileError, BackupError. */
export function readBackup(path: string): Dump {
  const text = readFileSync(path);
  const end = text.indexOf("\n") + 1;
  const { format: found, ...header } = readHeader(text.slice(0, end));
  if (found !== format) throw fault(path, `it is no file of format "${format}"`);
  const body = text.slice(end);
  if (sha256(body) !== header.sha256) throw fault(path, "it is cut short or was changed");
  const lines = body.split("\n").slice(0, -1);
  const entries = lines.map((line) => {
    const [key, value] = JSON.parse(line) as [string, string];
    checkCommit([], [{ key, value }]);
    return { key, value };
  });
  return { entries, revision: header.revision };
}

function readHeader(line: string): Partial<Header> & { revision: number } {
  try {
    return JSON.parse(line);
  } catch {
    return { revision: 0 };
  }
}

function fault(path: string, what: string): BackupError {
  return new BackupError(`Cannot restore from "${path}": ${what}. Name another backup`);
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
