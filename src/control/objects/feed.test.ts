/** One reading of the store for all watchers: nothing missed, nothing twice, nobody held up. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { Feed } from "./feed.ts";

let folder: string;
let store: Store;
let feed: Feed;
const end = () => new AbortController();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-feed-"));
  store = openSqlite(join(folder, "store.db"));
  feed = new Feed(store, { events: 20, size: 100_000 });
});
afterEach(async () => {
  feed.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const value = (n: number) => JSON.stringify({ metadata: { name: `n${n}` } });
async function write(n: number): Promise<number> {
  const key = `/registry/netloom.dev/networks/default/n${n}`;
  return (await store.commit([], [{ key, value: value(n) }]))!;
}
/** Names of the next objects, so many. */
async function take(follower: AsyncGenerator<any>, count: number): Promise<string[]> {
  const names: string[] = [];
  while (names.length < count) {
    const { value } = await follower.next();
    for (const { object } of value.events) names.push(object.metadata.name);
  }
  return names;
}
const names = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `n${from + i}`);

test("who comes with an old revision gets what the feed never read, then what it reads", async () => {
  const first = await write(0);
  for (let n = 1; n <= 5; n++) await write(n);
  const controller = end();
  const follower = feed.follow(first, controller.signal);
  expect(await take(follower, 5)).toEqual(names(1, 5));
  for (let n = 6; n <= 9; n++) await write(n);
  expect(await take(follower, 4)).toEqual(names(6, 9));
  controller.abort();
  expect((await follower.next()).done).toBe(true);
});

test("all followers get the same events, of which each is read once", async () => {
  const since = await write(0);
  const followers = [1, 2, 3].map(() => feed.follow(since, end().signal));
  const pending = followers.map((follower) => follower.next());
  await write(1);
  const found = new Set<unknown>();
  for (const [i, first] of pending.entries()) {
    let { value } = await first;
    while (value!.events.length === 0) value = (await followers[i]!.next()).value;
    found.add(value!.events[0]);
  }
  expect(found.size).toBe(1);
});

test("who is slower than the feed remembers must list again, and holds nobody up", async () => {
  const since = await write(0);
  const slow = feed.follow(since, end().signal);
  const quick = feed.follow(since, end().signal);
  const all = take(quick, 60);
  const begun = slow.next();
  await write(1);
  await begun;
  for (let n = 2; n <= 60; n++) await write(n);
  expect(await all).toEqual(names(1, 60));
  const late = (async () => {
    for (;;) await slow.next();
  })();
  expect(late).rejects.toMatchObject({ reason: "Expired" });
  await late.catch(() => {});
});

test("what is remembered is bounded by its size, and who keeps up gets the largest", async () => {
  const since = await write(0);
  const big = async (n: number) => {
    const labels = { filler: "x".repeat(60_000) };
    const value = JSON.stringify({ metadata: { name: `n${n}`, labels } });
    const key = `/registry/netloom.dev/networks/default/n${n}`;
    return (await store.commit([], [{ key, value }]))!;
  };
  const slow = feed.follow(since, end().signal);
  const quick = feed.follow(since, end().signal);
  const [begun, all] = [slow.next(), take(quick, 5)];
  await big(1);
  await begun;
  for (let n = 2; n <= 5; n++) await big(n);
  expect(await all).toEqual(names(1, 5));
  const late = (async () => {
    for (;;) await slow.next();
  })();
  await expect(late).rejects.toMatchObject({ reason: "Expired" });
});

test("what is forgotten, or never was, is said to be so", async () => {
  const since = await write(0);
  const last = await write(1);
  await store.compact(last);
  const next = (revision: number) => feed.follow(revision, end().signal).next();
  expect(next(since - 1)).rejects.toMatchObject({ reason: "Expired" });
  await next(since - 1).catch(() => {});
  expect(next(last + 1000)).rejects.toMatchObject({ reason: "Expired" });
  await next(last + 1000).catch(() => {});
});
