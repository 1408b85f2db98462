/** Who waits for whom. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockAll, lockAttachment, lockToDetach, removeLock } from "./lock.ts";
import type { Paths } from "./paths.ts";

const directory = mkdtempSync(join(tmpdir(), "netloom-lock-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const paths: Paths = { stateDir: `${directory}/state`, runDir: `${directory}/run` };
const one = "ffffffffffffffff";
const other = "0000000000000000";

/** Whether the lock was got while `held` was, and that it is got once that is free. */
async function isHeldUp(held: Disposable, wanted: Promise<Disposable>): Promise<boolean> {
  let isFree = false;
  let cameEarly = false;
  const got = wanted.then((lock) => {
    cameEarly = !isFree;
    lock[Symbol.dispose]();
  });
  // Long enough for several tries of who waits; who need not wait is done by then.
  await Bun.sleep(20);
  isFree = true;
  held[Symbol.dispose]();
  await got;
  return !cameEarly;
}

test("two calls for one attachment go one after the other", async () => {
  expect(await isHeldUp(await lockAttachment(paths, one), lockToDetach(paths, one))).toBe(true);
});

test("calls for two attachments go side by side", async () => {
  expect(await isHeldUp(await lockAttachment(paths, one), lockAttachment(paths, other))).toBe(
    false,
  );
});

test("who wants everything for itself waits for the first and the last attachment", async () => {
  expect(await isHeldUp(await lockAttachment(paths, one), lockAll(paths))).toBe(true);
  expect(await isHeldUp(await lockAttachment(paths, other), lockAll(paths))).toBe(true);
});

test("attachments wait for who has everything for itself", async () => {
  expect(await isHeldUp(await lockAll(paths), lockAttachment(paths, one))).toBe(true);
});

test("who waited for a lock that was removed gets the new one, and keeps others out", async () => {
  const first = await lockAll(paths);
  const waiting = lockAttachment(paths, one);
  removeLock(paths);
  first[Symbol.dispose]();
  expect(await isHeldUp(await waiting, lockAll(paths))).toBe(true);
});

test("DEL goes on where no lock can be had, ADD says why it can't", async () => {
  writeFileSync(`${directory}/file`, "");
  const spoilt = { ...paths, runDir: `${directory}/file/run` };
  (await lockToDetach(spoilt, one))[Symbol.dispose]();
  await expect(lockAttachment(spoilt, one)).rejects.toThrow(/^Cannot open ".*\/file\/run\/lock": /);
});
