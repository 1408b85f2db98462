/** Who waits for whom. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  lockAll,
  lockAttachment,
  lockAttachmentIfFree,
  lockNames,
  lockToDetach,
  removeLock,
} from "./lock.ts";
import { instancePaths, type Paths } from "./paths.ts";

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

test("DEL hurries who has the lock, again and again, until it is free", async () => {
  const held = await lockAttachment(paths, one);
  let hurried = 0;
  const hurry = async () => {
    if (++hurried === 2) held[Symbol.dispose]();
  };
  (await lockToDetach(paths, one, hurry))[Symbol.dispose]();
  expect(hurried).toBe(2);
  (await lockToDetach(paths, one, hurry))[Symbol.dispose]();
  expect(hurried).toBe(2);
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

test("who does not wait gets the lock of an attachment only while nobody has it", async () => {
  {
    using _held = await lockAttachment(paths, one);
    expect(lockAttachmentIfFree(paths, one)).toBeUndefined();
    using otherLock = lockAttachmentIfFree(paths, other);
    expect(otherLock).toBeDefined();
  }
  using lock = lockAttachmentIfFree(paths, one);
  expect(lock).toBeDefined();
  expect(lockAttachmentIfFree(paths, one)).toBeUndefined();
});

test("attachments wait for who has everything for itself", async () => {
  expect(await isHeldUp(await lockAll(paths), lockAttachment(paths, one))).toBe(true);
});

test("names are locked for all instances below one run directory, attachments for one", async () => {
  const blue = instancePaths("blue", paths);
  const named = () => lockNames(paths, ["link host br0"]);
  expect(await isHeldUp(await named(), lockNames(blue, ["link host br0"]))).toBe(true);
  expect(await isHeldUp(await named(), lockNames(blue, ["link host br1"]))).toBe(false);
  expect(await isHeldUp(await lockNames(blue, ["link host br0"]), lockAll(paths))).toBe(true);
  expect(await isHeldUp(await lockAll(paths), lockAll(blue))).toBe(false);
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
