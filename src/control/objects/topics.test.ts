/** The feed: who hears of what, and who is told that he is too late. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { put } from "../store/exam.ts";
import { openSqlite, type SqliteStore } from "../store/sqlite.ts";
import { type Changes, Feed } from "./feed.ts";

let folder: string;
let store: SqliteStore;
let feed: Feed;
let end: AbortController;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-feed-"));
  store = openSqlite(join(folder, "store.db"));
  feed = new Feed(store, { events: 10 });
  end = new AbortController();
});
afterEach(async () => {
  end.abort();
  feed.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const port = (name: string, host: string) =>
  put(
    store,
    `/registry/netloom.dev/ports/a/${name}`,
    JSON.stringify({ metadata: { name }, spec: { network: "blue", host } }),
  );
const namesOf = ({ events }: Changes) => events.map(({ object }) => object!.metadata.name);
const waiters = async (count: number) => {
  while (feed.watchers < count) await Bun.sleep(1);
};

test("who wants to hear of one host sleeps while others' ports change, however many do", async () => {
  const { revision } = await store.list("");
  const one = feed.follow(revision, end.signal, () => ["netloom.dev/ports@one"]);
  const heard: string[] = [];
  const listening = (async () => {
    for await (const changes of one) {
      heard.push(...namesOf(changes));
      if (heard.includes("mine")) return;
    }
  })();
  for (let i = 0; i < 50; i++) {
    await waiters(1);
    await port(`theirs-${i}`, "two");
  }
  await port("mine", "one");
  await listening;
  // From time to time all are told how far it is.
  expect(heard.length).toBeLessThan(25);
});

test("a change is work for those alone whom it concerns, however many others wait", async () => {
  const others = new Feed(store, { progressMs: Number.POSITIVE_INFINITY });
  const { revision } = await store.list("");
  let given = 0;
  const follow = async (topic: string) => {
    for await (const _ of others.follow(revision, end.signal, () => [topic])) given++;
  };
  const hosts = Array.from({ length: 200 }, (_, i) => follow(`netloom.dev/ports@host-${i}`));
  const all = [...hosts, follow("netloom.dev/ports")];
  const settled = async () => {
    do await Bun.sleep(5);
    while (others.watchers < all.length);
  };
  await settled();
  // The first change is progress for everybody.
  await port("first", "host-0");
  await settled();
  given = 0;
  const changes = 20;
  for (let i = 0; i < changes; i++) {
    await port(`p-${i}`, "host-7");
    await settled();
  }
  expect(given).toBe(2 * changes);
  others.close();
  await Promise.all(all);
});

test("a port that moves is heard of by the host that it leaves", async () => {
  await port("a", "one");
  const { revision } = await store.list("");
  const one = feed.follow(revision, end.signal, () => ["netloom.dev/ports@one"]);
  const next = one.next();
  await waiters(1);
  await port("a", "two");
  expect((await next).value!.events).toMatchObject([{ previous: { spec: { host: "one" } } }]);
});

test("who does not read while too much changes must list again", async () => {
  const { revision } = await store.list("");
  const slow = feed.follow(revision, end.signal, () => ["netloom.dev/ports"]);
  const first = slow.next();
  await waiters(1);
  for (let i = 0; i < 30; i++) await port(`p-${i}`, "one");
  await first;
  const rest = async () => {
    for (;;) await slow.next();
  };
  await expect(rest()).rejects.toThrow(/too old resource version/);
});
