/** SQLite sits the exam, and its file is owned, survives and says what is wrong with it. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exam, put } from "./exam.ts";
import { Observer } from "./observer.ts";
import { openSqlite } from "./sqlite.ts";
import { History } from "./sqlite-history.ts";
import { openToRead } from "./sqlite-tables.ts";
import { CompactedError, StoreUnavailableError } from "./store.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-store-"));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;
const freshFile = () => join(dir, `${++files}.db`);

exam(async () => openSqlite(freshFile()));

describe("the file", () => {
  test("is owned by one store at a time, and another says so", async () => {
    const path = freshFile();
    const first = openSqlite(path);
    expect(() => openSqlite(path)).toThrow(/another process has it/);
    await first.close();
    await openSqlite(path).close();
  });

  test("is for its owner alone, with its log, also where others could read it", async () => {
    const path = freshFile();
    const all = [path, `${path}-wal`, `${path}-shm`];
    const modes = () => all.map((file) => (statSync(file).mode & 0o777).toString(8));
    const first = openSqlite(path);
    await put(first, "a", "1");
    expect(modes()).toEqual(["600", "600", "600"]);
    await first.close();
    chmodSync(path, 0o644);
    const second = openSqlite(path);
    await put(second, "a", "2");
    expect(modes()).toEqual(["600", "600", "600"]);
    await second.close();
  });

  test("holds entries, revisions and history for the next who opens it", async () => {
    const path = freshFile();
    const first = openSqlite(path);
    const created = await put(first, "a", "1");
    const changed = await put(first, "a", "2");
    await first.close();
    const second = openSqlite(path);
    expect(await second.get("a")).toEqual({ key: "a", value: "2", revision: changed });
    using observer = new Observer(second, "", created);
    expect(await observer.until(changed)).toHaveLength(1);
    expect(await put(second, "b", "1")).toBeGreaterThan(changed);
    await second.close();
  });

  test("keeps a lease for its time after it is opened, and no longer", async () => {
    const path = freshFile();
    const first = openSqlite(path);
    const lease = await first.lease(100);
    const revision = (await first.commit([], [{ key: "a", value: "1", lease }]))!;
    await first.close();
    const second = openSqlite(path);
    using observer = new Observer(second, "", revision);
    expect((await observer.until(await observer.some()))[0]?.events).toMatchObject([{ key: "a" }]);
    await second.close();
  });

  test("forgets the oldest revisions by itself", async () => {
    const store = openSqlite(freshFile(), { keepRevisions: 20 });
    const first = await put(store, "a", "0");
    for (let i = 0; i < 50; i++) await put(store, "a", String(i));
    await expect(store.list("", { revision: first })).rejects.toThrow(CompactedError);
    await store.list("", { revision: first + 50 - 20 });
    await store.close();
  });

  test("forgets them by their size too, also what an earlier life wrote, and so does not grow", async () => {
    const path = freshFile();
    const big = (i: number) => `${i}`.padEnd(100_000, "ä");
    const write = async (count: number) => {
      const store = openSqlite(path, { keepBytes: 2_000_000 });
      for (let i = 0; i < count; i++) await put(store, "a", big(i));
      const { revision } = await store.list("");
      await store.list("", { revision: revision - 2 });
      await expect(store.list("", { revision: revision - 10 })).rejects.toThrow(CompactedError);
      await store.close();
      return revision;
    };
    const before = await write(30);
    const { size } = statSync(path);
    expect(await write(6)).toBe(before + 6);
    await write(60);
    expect(statSync(path).size).toBeLessThan(1.5 * size);
  });

  test("tells its history in portions that large values make short", async () => {
    const path = freshFile();
    const store = openSqlite(path);
    for (let i = 0; i < 20; i++) await put(store, `a/${i}`, "x".repeat(1_000_000));
    const database = openToRead(path);
    const history = new History(database);
    const counts: number[] = [];
    for (let at = 1, next = history.after(at); next.length > 0; next = history.after(at)) {
      counts.push(next.length);
      at = next.at(-1)!.revision;
    }
    database.close();
    await store.close();
    expect(Math.max(...counts)).toBeLessThan(7);
    expect(counts.reduce((sum, count) => sum + count)).toBe(20);
  });
});

describe("what can't be used is named with the remedy", () => {
  const refused: [what: string, make: (path: string) => void, says: RegExp][] = [
    [
      "a file of something else",
      (path) => writeFileSync(path, "x".repeat(4096)),
      /no store at all/,
    ],
    [
      "another program's database",
      (path) => {
        const other = new Database(path);
        other.run("CREATE TABLE t(a)");
        other.close();
      },
      /another program.*name another file/,
    ],
    [
      "a format to come",
      (path) => {
        const other = new Database(path);
        other.run("CREATE TABLE t(a)");
        other.run("PRAGMA application_id = 1313633140");
        other.run("PRAGMA user_version = 99");
        other.close();
      },
      /format is 99/,
    ],
  ];
  test.each(refused)("%s", (_, make, says) => {
    const path = freshFile();
    make(path);
    const open = () => openSqlite(path);
    expect(open).toThrow(StoreUnavailableError);
    expect(open).toThrow(says);
  });

  test("a folder that is not there", () => {
    expect(() => openSqlite(join(dir, "none/store.db"))).toThrow(StoreUnavailableError);
  });

  test("a file that was cut short", async () => {
    const path = freshFile();
    const store = openSqlite(path);
    for (let i = 0; i < 64; i++) await put(store, `key/${i}`, "x".repeat(4000));
    await store.close();
    truncateSync(path, 16 * 4096);
    const read = async () => {
      const damaged = openSqlite(path);
      try {
        await damaged.list("");
      } finally {
        await damaged.close();
      }
    };
    await expect(read()).rejects.toThrow(/damaged.*restore a backup/);
  });
});

describe("a watch that fell out of memory", () => {
  const small = { batches: 8, size: 1000, progressMs: 10 };

  test("reads the history, then goes on with what comes", async () => {
    const store = openSqlite(freshFile(), { feed: small });
    const start = await put(store, "a", "0");
    let last = start;
    for (let i = 0; i < 600; i++) last = await put(store, `a/${i % 7}`, "x".repeat(i % 50));
    using observer = new Observer(store, "a/", start);
    await observer.until(last);
    last = await put(store, "a/end", "1");
    const seen = (await observer.until(last)).map(({ revision }) => revision);
    expect(seen).toEqual(Array.from({ length: 601 }, (_, i) => start + 1 + i));
    await store.close();
  });

  test("is told when what it has not read is forgotten", async () => {
    const store = openSqlite(freshFile(), { feed: small });
    const start = await put(store, "a", "0");
    const watch = store.watch("", start, new AbortController().signal)[Symbol.asyncIterator]();
    await put(store, "a", "1");
    await watch.next();
    let last = 0;
    for (let i = 0; i < 30; i++) last = await put(store, "a", String(i));
    await store.compact(last - 1);
    const read = async () => {
      for (;;) await watch.next();
    };
    await expect(read()).rejects.toThrow(CompactedError);
    await store.close();
  });

  test("tells of progress elsewhere", async () => {
    const store = openSqlite(freshFile(), { feed: small });
    using observer = new Observer(store, "quiet/", await put(store, "a", "0"));
    const first = await observer.caughtUp();
    const last = await put(store, "a", "1");
    while ((await observer.caughtUp()) < last) await Bun.sleep(1);
    expect(first).toBeLessThan(last);
    expect(observer.batches).toEqual([]);
    await store.close();
  });
});
