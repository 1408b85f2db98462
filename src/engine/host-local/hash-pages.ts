/**
 * A hash table in pages of a file: 16-byte keys, 32-byte values, several of one key allowed.
 * Reading or changing an entry touches one page, rarely two, however large the table is.
 */

export const pageBytes = 4096;
const slotsPerPage = 85;
const keyWords = 4;
const slotWords = 12; // 16 bytes of key, 32 of value
const firstSlotWord = 4; // after checksum, count, overflow flag and a spare word
const countWord = 1;
const overflowWord = 2;

/** A page that is not what was written. */
export class CorruptPageError extends Error {
  override readonly name = "CorruptPageError";
}

/** Reads page `number`, counted from 0. May throw whatever reading throws. */
export type ReadPage = (number: number) => Uint8Array;

/** How many pages hold `entries` with room to spare: a power of two. */
export function pagesFor(entries: number): number {
  let pages = 4;
  while (pages * slotsPerPage * 0.5 < entries) pages *= 2;
  return pages;
}

/** The table. Changes stay in memory until `dirtyPages` are written. */
export class HashPages {
  readonly pageCount: number;
  readonly #read: ReadPage;
  readonly #pages = new Map<number, Uint32Array>();
  readonly #dirty = new Set<number>();
  #count: number;

  constructor(pageCount: number, count: number, read: ReadPage) {
    this.pageCount = pageCount;
    this.#count = count;
    this.#read = read;
  }

  /** An empty table, all of it dirty. */
  static empty(pageCount: number): HashPages {
    const table = new HashPages(pageCount, 0, () => new Uint8Array(pageBytes));
    for (let number = 0; number < pageCount; number++) {
      table.#pages.set(number, new Uint32Array(pageBytes / 4));
      table.#dirty.add(number);
    }
    return table;
  }

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** Whether the next entries need a larger table. */
  get isFull(): boolean {
    return this.#count >= this.pageCount * slotsPerPage * 0.7;
  }

  #page(number: number): Uint32Array {
    const known = this.#pages.get(number);
    if (known) return known;
    const bytes = this.#read(number);
    const page = new Uint32Array(bytes.slice().buffer);
    if (page.length !== pageBytes / 4 || page[0] !== checksum(page, number)) {
      throw new CorruptPageError(`Page ${number} does not match its checksum`);
    }
    this.#pages.set(number, page);
    return page;
  }

  /** The pages in which `key` may be, in order; the last has no overflow. */
  *#chain(key: Uint32Array): Generator<{ number: number; page: Uint32Array }> {
    let number = hash(key) % this.pageCount;
    for (let tried = 0; tried < this.pageCount; tried++) {
      const page = this.#page(number);
      yield { number, page };
      if (page[overflowWord] === 0) return;
      number = (number + 1) % this.pageCount;
    }
  }

  /** Every value of the key, as live views: a change to one must be followed by `touch`. */
  *values(key: Uint32Array): Generator<{ value: Uint8Array; number: number; slot: number }> {
    for (const { number, page } of this.#chain(key)) {
      for (let slot = 0; slot < page[countWord]!; slot++) {
        const at = firstSlotWord + slot * slotWords;
        if (equalKey(page, at, key)) {
          const value = new Uint8Array(page.buffer, (at + keyWords) * 4, 32);
          yield { value, number, slot };
        }
      }
    }
  }

  /** Marks a page as changed through one of its values. */
  touch(number: number): void {
    this.#dirty.add(number);
  }

  /** Adds a value and gives the page and a live view of it. */
  add(key: Uint32Array, bytes: Uint8Array): { value: Uint8Array; number: number } {
    let number = hash(key) % this.pageCount;
    let page = this.#page(number);
    while (page[countWord] === slotsPerPage) {
      page[overflowWord] = 1;
      this.#dirty.add(number);
      number = (number + 1) % this.pageCount;
      page = this.#page(number);
    }
    const at = firstSlotWord + page[countWord]! * slotWords;
    page[countWord]!++;
    page.set(key, at);
    const value = new Uint8Array(page.buffer, (at + keyWords) * 4, 32);
    value.set(bytes);
    this.#dirty.add(number);
    this.#count++;
    return { value, number };
  }

  /** Removes the entry in a slot; the page's last entry takes its place. */
  removeAt(number: number, slot: number): void {
    const page = this.#page(number);
    const last = page[countWord]! - 1;
    const at = firstSlotWord + slot * slotWords;
    const lastAt = firstSlotWord + last * slotWords;
    page.copyWithin(at, lastAt, lastAt + slotWords);
    page.fill(0, lastAt, lastAt + slotWords);
    page[countWord] = last;
    this.#dirty.add(number);
    this.#count--;
  }

  /** Every entry; reads the whole table. */
  *entries(): Generator<{ key: Uint32Array; value: Uint8Array }> {
    for (let number = 0; number < this.pageCount; number++) {
      const page = this.#page(number);
      for (let slot = 0; slot < page[countWord]!; slot++) {
        const at = firstSlotWord + slot * slotWords;
        const value = new Uint8Array(page.buffer, (at + keyWords) * 4, 32);
        yield { key: page.subarray(at, at + keyWords), value };
      }
    }
  }

  /** The changed pages, sealed with their checksums. They count as clean from now on. */
  dirtyPages(): { number: number; bytes: Uint8Array }[] {
    const pages = [...this.#dirty].sort((a, b) => a - b);
    this.#dirty.clear();
    return pages.map((number) => {
      const page = this.#pages.get(number)!;
      page[0] = checksum(page, number);
      return { number, bytes: new Uint8Array(page.buffer) };
    });
  }
}

/** Over everything but the checksum itself; a page in a wrong place does not match. */
function checksum(page: Uint32Array, number: number): number {
  return (Bun.hash.crc32(new Uint8Array(page.buffer, 4), number) as number) >>> 0;
}

function equalKey(page: Uint32Array, at: number, key: Uint32Array): boolean {
  return (
    page[at] === key[0] &&
    page[at + 1] === key[1] &&
    page[at + 2] === key[2] &&
    page[at + 3] === key[3]
  );
}

function hash(key: Uint32Array): number {
  return Bun.hash.crc32(new Uint8Array(key.buffer, key.byteOffset, 16)) >>> 0;
}
