/** The exam of copying a store as a whole, for each kind of place that is copied to. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { BackupError } from "./backup-file.ts";
import { put } from "./exam.ts";
import { backup, migrate, restore } from "./migrate.ts";
import { Observer } from "./observer.ts";
import { openStore } from "./open.ts";
import { CompactedError, type Store } from "./store.ts";

export interface Places {
  /** A store's URL that has entries, after `work` was done in it. */
  readonly filled: (work: (store: Store) => Promise<void>) => Promise<string>;
  /** The URL of an empty store. */
  readonly empty: () => Promise<string>;
  /** Where a file may be made. */
  readonly file: () => string;
}

async function inStore<T>(url: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(url);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const textsOf = (url: string) =>
  inStore(url, async (store) =>
    (await store.list("")).entries.map(({ key, value }) => `${key}=${value}`),
  );

const twoEntries = async (store: Store) => {
  await put(store, "b/grüße", '"\u{1f9f6}"\n');
  await put(store, "a", "");
};
const theTwo = ["a=", 'b/grüße="\u{1f9f6}"\n'];

export function copyExam(places: Places): void {
  examEntries(places);
  examRevisions(places);
  examRefusals(places);
}

/** What is copied and what is not. */
function examEntries(places: Places): void {
  test("what was backed up is restored", async () => {
    const [from, to, file] = [await places.filled(twoEntries), await places.empty(), places.file()];
    expect((await backup(from, file)).entries).toBe(2);
    expect((await restore(file, to)).entries).toBe(2);
    expect(await textsOf(to)).toEqual(theTwo);
  });

  test("what is migrated is the same there", async () => {
    const [from, to] = [await places.filled(twoEntries), await places.empty()];
    expect((await migrate(from, to)).entries).toBe(2);
    expect(await textsOf(to)).toEqual(theTwo);
  });

  test("more entries than one commit holds", async () => {
    const count = 1234;
    const from = await places.filled(async (store) => {
      const all = Array.from({ length: count }, (_, i) => ({
        key: `many/${i}`,
        value: "x".repeat(i * 3),
      }));
      for (let i = 0; i < count; i += 100) await store.commit([], all.slice(i, i + 100));
    });
    const to = await places.empty();
    await migrate(from, to);
    const before = (await textsOf(from)).filter((text) => text.startsWith("many/"));
    expect(before).toHaveLength(count);
    expect((await textsOf(to)).filter((text) => text.startsWith("many/"))).toEqual(before);
  });

  test("keys that go with a lease stay behind", async () => {
    const from = await places.filled(async (store) => {
      const lease = await store.lease(60_000);
      await store.commit([], [{ key: "held", value: "1", lease }]);
      await put(store, "kept", "1");
    });
    const to = await places.empty();
    await migrate(from, to);
    const found = await textsOf(to);
    expect(found).toContain("kept=1");
    expect(found).not.toContain("held=1");
  });
}

/** Nothing of before is taken for something of after. */
function examRevisions(places: Places): void {
  test("no revision that a client saw before means anything after", async () => {
    const [file, to] = [places.file(), await places.empty()];
    const seen: number[] = [];
    const from = await places.filled(async (store) => {
      seen.push(await put(store, "a", "1"), await put(store, "b", "1"));
    });
    await backup(from, file);
    // Clients see what comes after the backup too.
    await inStore(from, async (store) => seen.push(await put(store, "a", "2")));
    const { revision: filled } = await restore(file, to);
    expect(filled).toBeGreaterThan(Math.max(...seen));
    await inStore(to, async (store) => {
      for (const revision of seen) {
        using observer = new Observer(store, "", revision);
        await expect(observer.until(Infinity)).rejects.toThrow(CompactedError);
        await expect(store.list("", { revision })).rejects.toThrow(CompactedError);
        const replaced = store.commit([{ key: "a", revision }], [{ key: "a", value: "3" }]);
        expect(await replaced).toBeUndefined();
      }
      const { entries, revision } = await store.list("");
      expect(revision).toBeGreaterThanOrEqual(filled);
      for (const entry of entries) expect(entry.revision).toBeGreaterThan(Math.max(...seen));
      using observer = new Observer(store, "", revision);
      const { key, revision: known } = entries[0]!;
      const next = await store.commit([{ key, revision: known }], [{ key, value: "3" }]);
      expect(next).toBeGreaterThan(revision);
      expect(await observer.until(next!)).toHaveLength(1);
    });
  });

  test("a second restore goes on from the first", async () => {
    const [file, once] = [places.file(), await places.empty()];
    await backup(await places.filled(twoEntries), file);
    const first = await restore(file, once);
    const after = await inStore(once, (store) => put(store, "after", "1"));
    expect(after).toBeGreaterThan(first.revision);
    await backup(once, file);
    // It may be the same place, emptied.
    const twice = await places.empty();
    expect((await restore(file, twice)).revision).toBeGreaterThan(after);
    expect(await textsOf(twice)).toContain("after=1");
  });
}

/** What is not copied leaves nothing. */
function examRefusals(places: Places): void {
  test("a store that is not empty is refused, and stays as it was", async () => {
    const [from, file] = [await places.filled(twoEntries), places.file()];
    await backup(from, file);
    const before = await textsOf(from);
    await expect(restore(file, from)).rejects.toThrow(/it is not empty/);
    expect(await textsOf(from)).toEqual(before);
  });

  const spoilt: [what: string, spoil: (text: string) => string][] = [
    ["cut short", (text) => text.slice(0, -5)],
    ["cut to its first line", (text) => text.slice(0, text.indexOf("\n") + 1)],
    ["changed", (text) => text.replace('["a",""]', '["a","x"]')],
    ["empty", () => ""],
    ["of another kind", () => '{"format":"tar"}\n'],
  ];
  test.each(spoilt)("a backup that is %s is refused, and nothing is written", async (_, spoil) => {
    const [file, to] = [places.file(), await places.empty()];
    await backup(await places.filled(twoEntries), file);
    writeFileSync(file, spoil(readFileSync(file, "utf8")));
    await expect(restore(file, to)).rejects.toThrow(BackupError);
    expect(await textsOf(to)).toEqual([]);
  });
}
