/** The file of the audit log: appended to, and put aside when it is large. */
import {
  closeSync,
  existsSync,
  fsizeSync,
  openSync,
  renameSync,
  truncateSync,
  writeAllSync,
} from "../../kernel/sys/files.ts";

export interface Rotation {
  /** A file that is larger is put aside. */
  readonly bytes: number;
  /** How many are kept beside the one that is written. */
  readonly kept: number;
}

export const usualRotation: Rotation = { bytes: 64 << 20, kept: 9 };

/** Appends lines to a file of root alone: `audit.log`; older ones are `audit.log.1` and up. */
export class AuditFile {
  readonly #path: string;
  readonly #rotation: Rotation;
  #open: { readonly fd: number; bytes: number } | undefined;

  constructor(path: string, rotation: Rotation = usualRotation) {
    this.#path = path;
    this.#rotation = rotation;
  }

  /** Once this returns, the lines outlive the process. Throws FileError: then none is there. */
  append(lines: string): void {
    const bytes = Buffer.byteLength(lines);
    const file = this.#roomFor(bytes);
    try {
      writeAllSync(file.fd, lines);
      file.bytes += bytes;
    } catch (error) {
      try {
        truncateSync(file.fd, file.bytes);
      } finally {
        this.close();
      }
      throw error;
    }
  }

  close(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #roomFor(bytes: number): { readonly fd: number; bytes: number } {
    // An outside hand may have taken the file away.
    if (this.#open && !existsSync(this.#path)) this.close();
    this.#open ??= this.#reopen();
    if (this.#open.bytes > 0 && this.#open.bytes + bytes > this.#rotation.bytes) {
      this.close();
      this.#putAside();
      this.#open = this.#reopen();
    }
    return this.#open;
  }

  #reopen() {
    const fd = openSync(this.#path, "a", 0o600);
    return { fd, bytes: fsizeSync(fd) };
  }

  #putAside(): void {
    for (let i = this.#rotation.kept; i > 0; i--) {
      const from = i === 1 ? this.#path : `${this.#path}.${i - 1}`;
      if (existsSync(from)) renameSync(from, `${this.#path}.${i}`);
    }
  }
}
