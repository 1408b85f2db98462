/** Copies of a store in SQLite. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBackup } from "./backup-file.ts";
import { copyExam } from "./copy-exam.ts";
import { put } from "./exam.ts";
import { backup } from "./migrate.ts";
import { openStore } from "./open.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-copy-"));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;
const file = () => join(dir, String(++files));

copyExam({
  file,
  empty: async () => `sqlite:${file()}`,
  filled: async (work) => {
    const url = `sqlite:${file()}`;
    const store = await openStore(url);
    await work(store);
    await store.close();
    return url;
  },
});

test("a backup is made beside the process that owns the store, for root alone to read", async () => {
  const url = `sqlite:${file()}`;
  const store = await openStore(url);
  const target = file();
  for (let i = 0; i < 5; i++) {
    const revision = await put(store, "a", String(i));
    await backup(url, target);
    expect(readBackup(target)).toEqual({ entries: [{ key: "a", value: String(i) }], revision });
  }
  expect(statSync(target).mode & 0o777).toBe(0o600);
  await store.close();
});
