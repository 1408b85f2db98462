/**
 * The reference's directory of reservations: a file an address, named by it, that holds the
 * owner; `last_reserved_ip.<n>`; `lock`. Source: host-local 1.9.1, backend/disk.
 */
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  removeFolder,
  removeSync,
  writeAllSync,
  writeFileSync,
} from "../../kernel/sys/files.ts";
import { canonicalIp, formatIp, type Ip, isIp, parseIp } from "../../lib/ip.ts";
import { attempt, unlessAbsent } from "./error.ts";

/** Who holds an address. Records older than 0.7.0 of the reference have no `ifName`. */
export interface Owner {
  readonly containerId: string;
  readonly ifName?: string;
}

/** A file of the directory that stands for an address. */
export interface Reservation {
  readonly ip: Ip;
  /** Absent where the file cannot be read as an owner: it still keeps its address taken. */
  readonly owner?: Owner;
}

const lastPrefix = "last_reserved_ip.";
/** A file is written under this name before it gets its own. Only the lock's holder uses it. */
const newName = ".netloom.new";

export const ownerText = ({ containerId, ifName }: Owner): string =>
  ifName === undefined ? containerId : `${containerId}\r\n${ifName}`;

export class ReservationDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Path of an address' file. */
  file(ip: Ip): string {
    return `${this.path}/${formatIp(ip)}`;
  }

  /** Every reservation's address, from the names alone. */
  addresses(): Ip[] {
    return this.#entries().map(({ name }) => parseIp(name));
  }

  /** Every reservation. Files that vanish meanwhile are left out. */
  reservations(): Reservation[] {
    return this.#entries().flatMap((entry) => {
      const ip = parseIp(entry.name);
      return entry.isFile() ? (this.#read(ip) ?? []) : { ip };
    });
  }

  #entries() {
    const list = () => readdirSync(this.path);
    const all = attempt(`read "${this.path}"`, () => unlessAbsent(list)) ?? [];
    return all.filter(({ name }) => isAddressName(name));
  }

  /** What stands in an address' file; undefined without one. */
  reservation(ip: Ip): Reservation | undefined {
    const stat = lstatSync(this.file(ip));
    if (!stat) return undefined;
    // A directory or device that bears an address' name.
    return stat.type === "file" ? this.#read(ip) : { ip };
  }

  #read(ip: Ip): Reservation | undefined {
    const file = this.file(ip);
    const text = attempt(`read "${file}"`, () => unlessAbsent(() => readFileSync(file)));
    if (text === undefined) return undefined;
    const owner = readOwner(text);
    return { ip, ...(owner && { owner }) };
  }

  /** When the reservation was written, in milliseconds since 1970; undefined if it is no file. */
  writtenAt(ip: Ip): number | undefined {
    const stat = lstatSync(this.file(ip));
    return stat?.type === "file" ? stat.mtimeMs : undefined;
  }

  /**
   * Reserves an address that nobody has; false if it is taken. The file appears with its content
   * or not at all.
   */
  create(ip: Ip, owner: Owner): boolean {
    return attempt(`reserve ${formatIp(ip)} in "${this.path}"`, () => {
      const temporary = `${this.path}/${newName}`;
      try {
        writeNew(temporary, ownerText(owner));
        linkSync(temporary, this.file(ip));
      } catch (error) {
        removeSync(temporary);
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
      removeSync(temporary);
      return true;
    });
  }

  /** Frees an address; fine if it is free. */
  remove(ip: Ip): void {
    attempt(`release ${formatIp(ip)} in "${this.path}"`, () => removeSync(this.file(ip)));
  }

  /** Removes what a write that was cut short left. */
  sweep(): void {
    const left = `${this.path}/${newName}`;
    if (existsSync(left)) attempt(`remove "${left}"`, () => removeSync(left));
  }

  /** Where the round robin of range set `index` is; undefined if unknown or not understood. */
  lastReserved(index: number): Ip | undefined {
    try {
      const text = readFileSync(`${this.path}/${lastPrefix}${index}`).trim();
      return isIp(text) ? parseIp(text) : undefined;
    } catch {
      return undefined; // The round robin starts anew.
    }
  }

  setLastReserved(index: number, ip: Ip): void {
    const file = `${this.path}/${lastPrefix}${index}`;
    attempt(`write "${file}"`, () => writeFileSync(file, formatIp(ip), 0o600));
  }

  /** Removes `lock`, `last_reserved_ip.*` and the directory, if nothing else is in it. */
  removeIfEmpty(): void {
    const names = unlessAbsent(() => readdirSync(this.path));
    if (!names?.every(({ name }) => name === "lock" || name.startsWith(lastPrefix))) return;
    attempt(`remove "${this.path}"`, () => removeFolder(this.path));
  }
}

/** The reference writes an address in one way only; another text for it reserves nothing. */
const isAddressName = (name: string): boolean => isIp(name) && canonicalIp(name) === name;

/** White space around the text does not count, as in the reference. */
function readOwner(text: string): Owner | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const end = trimmed.indexOf("\r\n");
  if (end < 0) return { containerId: trimmed };
  return { containerId: trimmed.slice(0, end), ifName: trimmed.slice(end + 2) };
}

function writeNew(path: string, text: string): void {
  const fd = openNew(path);
  try {
    writeAllSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** A leftover is removed, never written over: it may be a reservation's second name. */
function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    removeSync(path);
    return openSync(path, "wx", 0o600);
  }
}
