/** A store in SQLite whose process is killed, and whose disk fills up or can't be written to. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { put } from "../../src/control/store/exam.ts";
import { openSqlite, type SqliteStore } from "../../src/control/store/sqlite.ts";
import { StoreUnavailableError } from "../../src/control/store/store.ts";
import { rounds } from "../support/patience.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-store-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs the writer until it has made some commits, and kills it. Gives its last acknowledged. */
async function killWriter(
  path: string,
  life: number,
): Promise<{ revision: number; value: string }> {
  const writer = Bun.spawn(
    [process.execPath, join(import.meta.dir, "writer.ts"), path, `${life}`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let said = "";
  let timer: Timer | undefined;
  for await (const chunk of writer.stdout.pipeThrough(new TextDecoderStream() as any)) {
    said += chunk;
    timer ??= setTimeout(() => writer.kill("SIGKILL"), Math.random() * 300);
  }
  clearTimeout(timer);
  await writer.exited;
  const lines = said.slice(0, said.lastIndexOf("\n")).split("\n");
  const [revision, value] = lines.at(-1)!.split(" ");
  return { revision: Number(revision), value: value! };
}

/** All that one commit writes together. */
async function together(store: SqliteStore): Promise<{ revision: number; value: string }> {
  const entries = await Promise.all(["left", "middle", "right"].map((key) => store.get(key)));
  const [first] = entries;
  for (const entry of entries) expect(entry).toEqual({ ...first!, key: entry!.key });
  return { revision: first!.revision, value: first!.value.split(".").slice(0, 2).join(".") };
}

test("of a killed process every acknowledged commit is there, and none by half", async () => {
  const path = join(dir, "killed.db");
  for (let life = 0; life < rounds(15); life++) {
    const acknowledged = await killWriter(path, life);
    const store = openSqlite(path);
    const found = await together(store);
    if (found.revision === acknowledged.revision) expect(found).toEqual(acknowledged);
    // Killed between the commit and its word about it.
    else expect(found.revision).toBe(acknowledged.revision + 1);
    expect((await store.list("")).revision).toBe(found.revision);
    await store.close();
  }
});

describe("a disk", () => {
  const mount = (...argv: string[]) => {
    const done = Bun.spawnSync(argv, { stderr: "pipe" });
    if (!done.success) throw new Error(`${argv.join(" ")}: ${done.stderr}`);
  };

  async function onDisk(work: (folder: string) => Promise<void>): Promise<void> {
    const folder = join(dir, "disk");
    mkdirSync(folder);
    mount("mount", "-t", "tmpfs", "-o", "size=1m", "store-test", folder);
    try {
      await work(folder);
    } finally {
      mount("umount", folder);
      rmSync(folder, { recursive: true });
    }
  }

  test("that is full is named, what was committed stays, and with space it goes on", async () => {
    await onDisk(async (folder) => {
      const filler = join(folder, "filler");
      writeFileSync(filler, "x".repeat(300_000));
      const store = openSqlite(join(folder, "store.db"));
      let written = 0;
      const fill = async () => {
        for (;;) await put(store, `key/${written}`, "x".repeat(10_000)).then(() => written++);
      };
      const error = await fill().catch((error) => error);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toMatch(/the disk is full: free some space/);
      expect((await store.list("")).entries).toHaveLength(written);
      rmSync(filler);
      await put(store, "after", "1");
      expect((await store.list("")).entries).toHaveLength(written + 1);
      await store.close();
    });
  });

  test("that can't be written to is named", async () => {
    await onDisk(async (folder) => {
      const path = join(folder, "store.db");
      const store = openSqlite(path);
      await put(store, "a", "1");
      await store.close();
      mount("mount", "-o", "remount,ro", folder);
      expect(() => openSqlite(path)).toThrow(StoreUnavailableError);
      expect(() => openSqlite(path)).toThrow(/can't be made \(EROFS\)|can't be written/);
    });
  });
});
