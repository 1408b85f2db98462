/** The table in pages, against a plain list of entries. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CorruptPageError, HashPages, pageBytes, pagesFor } from "./hash-pages.ts";

const keyOf = (n: number) => Uint32Array.of(n, n * 7, 0, 0x80);
const bytesOf = (n: number) => new Uint8Array(32).fill(n);
const valuesOf = (table: HashPages, key: number) =>
  Array.from(table.values(keyOf(key)), ({ value }) => value[0]!).sort((a, b) => a - b);

/** Writes a table's changes to a disk and reads it back from there. */
function reopen(table: HashPages, disk: Map<number, Uint8Array>): HashPages {
  for (const { number, bytes } of table.dirtyPages()) disk.set(number, bytes.slice());
  const read = (number: number) => disk.get(number) ?? new Uint8Array(pageBytes);
  return new HashPages(table.pageCount, table.count, read);
}

/** Removes one entry; false if there is none such. */
function remove(table: HashPages, key: number, wanted: number): boolean {
  for (const { value, number, slot } of table.values(keyOf(key))) {
    if (value[0] !== wanted) continue;
    table.removeAt(number, slot);
    return true;
  }
  return false;
}

const anyEntry = fc.record({
  key: fc.integer({ min: 0, max: 30 }),
  value: fc.integer({ min: 0, max: 5 }),
});
const anySteps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("add" as const), entry: anyEntry }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), entry: anyEntry }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const), entry: anyEntry }) },
  ),
  { maxLength: 230 },
);

test("holds what was added and not removed, also after it was written and read back", () => {
  fc.assert(
    fc.property(anySteps, fc.integer({ min: 1, max: 4 }), (steps, pageCount) => {
      const disk = new Map<number, Uint8Array>();
      let table = reopen(HashPages.empty(Math.max(pageCount, 4)), disk);
      const model: { key: number; value: number }[] = [];
      for (const { kind, entry } of steps) {
        if (kind === "add") {
          table.add(keyOf(entry.key), bytesOf(entry.value));
          model.push(entry);
        } else if (kind === "reopen") table = reopen(table, disk);
        else {
          const at = model.findIndex(
            ({ key, value }) => key === entry.key && value === entry.value,
          );
          expect(remove(table, entry.key, entry.value)).toBe(at >= 0);
          if (at >= 0) model.splice(at, 1);
        }
      }
      expect(table.count).toBe(model.length);
      expect(Array.from(table.entries()).length).toBe(model.length);
      for (let key = 0; key <= 30; key++) {
        const expected = model.filter((entry) => entry.key === key).map(({ value }) => value);
        expect(valuesOf(table, key)).toEqual(expected.sort((a, b) => a - b));
      }
    }),
    { numRuns: 200 },
  );
});

test("finds entries that overflowed into the next pages", () => {
  const disk = new Map<number, Uint8Array>();
  const table = HashPages.empty(4);
  for (let n = 0; n < 250; n++) table.add(keyOf(1), bytesOf(n));
  const expected = Array.from({ length: 250 }, (_, n) => n);
  expect(valuesOf(table, 1)).toEqual(expected);
  expect(valuesOf(reopen(table, disk), 1)).toEqual(expected);
});

test("a change through a live view is kept once it is touched", () => {
  const disk = new Map<number, Uint8Array>();
  const table = reopen(HashPages.empty(4), disk);
  const { value, number } = table.add(keyOf(1), bytesOf(1));
  const again = reopen(table, disk);
  value[0] = 9;
  table.touch(number);
  expect(valuesOf(again, 1)).toEqual([1]);
  expect(valuesOf(reopen(table, disk), 1)).toEqual([9]);
});

describe("a page", () => {
  const damages: [string, (page: Uint8Array, pages: Map<number, Uint8Array>) => Uint8Array][] = [
    ["with a flipped bit", (page) => page.with(2000, page[2000]! ^ 4)],
    ["of zeros", (page) => new Uint8Array(page.length)],
    ["that is another page", (_page, pages) => pages.get(3)!],
    ["of noise", (page) => page.map((_, i) => i * 31)],
    ["that is too short", (page) => page.slice(0, 100)],
  ];
  test.each(damages)("%s is refused", (_name, damage) => {
    const disk = new Map<number, Uint8Array>();
    const table = HashPages.empty(4);
    for (let n = 0; n < 100; n++) table.add(keyOf(n), bytesOf(n));
    const again = reopen(table, disk);
    disk.set(2, damage(disk.get(2)!, disk));
    expect(() => Array.from(again.entries())).toThrow(CorruptPageError);
  });
});

test("a table is sized so that half of it stays free", () => {
  for (const entries of [0, 1, 100, 1000, 65_536]) {
    expect(HashPages.empty(pagesFor(entries)).isFull).toBe(false);
    expect(pagesFor(entries) * 85).toBeGreaterThanOrEqual(entries * 2);
  }
});
