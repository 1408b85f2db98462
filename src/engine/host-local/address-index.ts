/**
 * The index of a reservation directory: who holds which address, and where the next free one is,
 * each in constant time. A hint: it counts only while the directory is exactly as it was when
 * the index was saved, and what it says of an owner is checked against the owner's file.
 */

import {
  closeSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readSync,
  removeSync,
  renameSync,
  writeAllSync,
  writeSync,
} from "../../kernel/sys/files.ts";
import { addressBits, bytesOfIp, type Ip, ipFromBytes } from "../../lib/ip.ts";
import { parentOf } from "../../lib/path.ts";
import type { IpRange } from "../../lib/range.ts";
import { HashPages, pageBytes, pagesFor } from "./hash-pages.ts";
import { type Owner, ownerText, type Reservation } from "./reservation-directory.ts";
import { TakenAddresses } from "./taken.ts";

const format = "netloom host-local index 1";

/** What a saved index is of: it counts only where all of this is still so. */
export interface IndexKey {
  /** The index's own file. */
  readonly file: string;
  /** The open reservation directory. */
  readonly directoryFd: number;
  /** Written at the first use since boot: after a crash of the host no index counts. */
  readonly token: string;
}

interface Header {
  readonly format: string;
  readonly token: string;
  /** Path, identity and signature of the directory. */
  readonly directory: string;
  readonly inode: string;
  readonly signature: string;
  readonly pages: number;
  readonly count: number;
}

export class AddressIndex {
  #table: HashPages;
  #taken: TakenAddresses;
  /** The file that the table's pages come from; undefined: the table exists in memory alone. */
  #fd: number | undefined;
  #changed: boolean;
  /** Whether it was just built from the directory, so that nothing can be out of date. */
  readonly isFresh: boolean;

  private constructor(table: HashPages, fd: number | undefined) {
    this.isFresh = fd === undefined;
    this.#table = table;
    this.#taken = new TakenAddresses(table);
    this.#fd = fd;
    this.#changed = fd === undefined;
  }

  /** The saved index, unless there is none or the directory changed since. Then close it. */
  static open(key: IndexKey): AddressIndex | undefined {
    let fd: number;
    try {
      fd = openSync(key.file, "r+");
    } catch {
      return undefined;
    }
    const header = readHeader(fd);
    if (header && counts(header, key)) {
      const table = new HashPages(header.pages, header.count, (n) => readPage(fd, n + 1));
      return new AddressIndex(table, fd);
    }
    closeSync(fd);
    return undefined;
  }

  /** A new index of what stands in the directory. */
  static build(reservations: readonly Reservation[]): AddressIndex {
    const table = HashPages.empty(pagesFor(reservations.length * 2));
    const index = new AddressIndex(table, undefined);
    for (const { ip, owner } of reservations) index.add(ip, owner);
    return index;
  }

  addressesOf(owner: Owner): Ip[] {
    const addresses: Ip[] = [];
    for (const { value } of this.#table.values(ownerKey(owner))) addresses.push(addressIn(value));
    return addresses;
  }

  /** The lowest address of the range that nobody holds. */
  nextFree(range: IpRange): Ip | undefined {
    return this.#taken.nextFree(range);
  }

  add(ip: Ip, owner: Owner | undefined): void {
    if (this.#table.isFull) this.#grow();
    this.#changed = true;
    this.#taken.add(ip);
    if (owner) this.#table.add(ownerKey(owner), addressValue(ip));
  }

  remove(ip: Ip, owner: Owner | undefined): void {
    this.#changed = true;
    this.#taken.remove(ip);
    if (!owner) return;
    const wanted = addressValue(ip);
    for (const { value, number, slot } of this.#table.values(ownerKey(owner))) {
      if (!value.every((byte, i) => byte === wanted[i])) continue;
      this.#table.removeAt(number, slot);
      return;
    }
  }

  #grow(): void {
    const larger = HashPages.empty(this.#table.pageCount * 2);
    for (const { key, value } of this.#table.entries()) larger.add(key, value);
    this.#table = larger;
    this.#taken = new TakenAddresses(larger);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /**
   * Writes what changed. Before the header is written, last, the directory's own signature is
   * already another, so a save that is cut short leaves an index that does not count. Failing
   * is no harm: it removes the index.
   */
  save(key: IndexKey, directory: string): void {
    if (!this.#changed) return;
    try {
      if (this.#fd === undefined) this.#saveWhole(key, directory);
      else {
        for (const { number, bytes } of this.#table.dirtyPages()) {
          writeSync(this.#fd, bytes, (number + 1) * pageBytes);
        }
        writeSync(this.#fd, this.#header(key, directory), 0);
      }
      this.#changed = false;
    } catch {
      removeIndex(key.file);
    }
  }

  #saveWhole(key: IndexKey, directory: string): void {
    mkdirSync(parentOf(key.file), 0o700);
    const temporary = `${key.file}.new`;
    const fd = openSync(temporary, "w", 0o600);
    try {
      const whole = new Uint8Array((this.#table.pageCount + 1) * pageBytes);
      for (const { number, bytes } of this.#table.dirtyPages()) {
        whole.set(bytes, (number + 1) * pageBytes);
      }
      whole.set(this.#header(key, directory));
      writeAllSync(fd, whole);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, key.file);
  }

  #header(key: IndexKey, directory: string): Uint8Array {
    sign(key.directoryFd);
    const text = JSON.stringify({
      format,
      token: key.token,
      directory,
      ...identity(key.directoryFd),
      pages: this.#table.pageCount,
      count: this.#table.count,
    } satisfies Header);
    const page = new Uint8Array(pageBytes);
    new TextEncoder().encodeInto(`${Bun.hash.crc32(text)} ${text}\n`, page);
    return page;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Path of the directory that a saved index is of; undefined if the file is no index. */
export function indexedDirectory(file: string): string | undefined {
  try {
    const fd = openSync(file, "r");
    try {
      return readHeader(fd)?.directory;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Removes a saved index, if it can be: one that stays does not count either. */
export function removeIndex(file: string): void {
  for (const path of [file, `${file}.new`]) {
    try {
      removeSync(path);
    } catch {
      // A read-only file system.
    }
  }
}

/**
 * Gives the directory a modification time of our own, past and random to the microsecond. Any
 * change of an entry, by whomever, replaces it by the present time, so that two changes within
 * one tick of the kernel's clock are told apart too.
 */
function sign(directoryFd: number): void {
  const seconds = Date.now() / 1000 - 1 - Math.random();
  futimesSync(directoryFd, seconds);
}

function identity(directoryFd: number): { inode: string; signature: string } {
  const { identity, mtime } = fstatSync(directoryFd);
  return { inode: identity, signature: mtime };
}

function counts(header: Header, { token, directoryFd }: IndexKey): boolean {
  const { inode, signature } = identity(directoryFd);
  return (
    header.token === token &&
    header.inode === inode &&
    header.signature === signature &&
    header.pages > 0 &&
    header.count >= 0
  );
}

function readHeader(fd: number): Header | undefined {
  const page = readPage(fd, 0);
  const text = new TextDecoder().decode(page.subarray(0, page.indexOf(10)));
  const space = text.indexOf(" ");
  if (Number(text.slice(0, space)) !== Bun.hash.crc32(text.slice(space + 1))) return undefined;
  const header = JSON.parse(text.slice(space + 1)) as Header;
  return header.format === format ? header : undefined;
}

/** A page; zeros where the file ends too early, which no checksum matches. */
function readPage(fd: number, number: number): Uint8Array {
  const page = new Uint8Array(pageBytes);
  readSync(fd, page, number * pageBytes);
  return page;
}

/** The first bit keeps these keys apart from those of nodes of the tree of taken addresses. */
function ownerKey(owner: Owner): Uint32Array {
  // Into an array of our own: the first Buffer of a process takes 0.3 ms. Bun asks for 64 bytes.
  const key = new Uint8Array(64);
  new Bun.CryptoHasher("sha256").update(ownerText(owner)).digest(key);
  key[0]! |= 0x80;
  return new Uint32Array(key.buffer, 0, 4);
}

function addressValue(ip: Ip): Uint8Array {
  const value = new Uint8Array(32);
  value[0] = ip.family;
  value.set(bytesOfIp(ip), 1);
  return value;
}

function addressIn(value: Uint8Array): Ip {
  return ipFromBytes(value.subarray(1, 1 + addressBits(value[0] === 4 ? 4 : 6) / 8));
}
