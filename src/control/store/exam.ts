/** The exam that every store sits: what `Store` promises, case by case. */
import { describe, expect, test } from "bun:test";
import { refusals } from "./exam-refusals.ts";
import { Observer } from "./observer.ts";
import { CompactedError, commitLimits, type Entry, LeaseLostError, type Store } from "./store.ts";

/** Opens the store anew for each case; what others left in it may be there. */
export type Open = () => Promise<Store>;

export type Case = (store: Store, prefix: string) => Promise<void>;

let cases = 0;

/** Each case has keys of its own. */
function sit(open: Open, name: string, work: Case): void {
  test(name, async () => {
    const store = await open();
    try {
      await work(store, `exam/${++cases}-${process.pid}-${Date.now()}/`);
    } finally {
      await store.close();
    }
  });
}

export function exam(open: Open): void {
  describe("commits", () => eachOf(open, commits));
  describe("lists", () => eachOf(open, lists));
  describe("watches", () => eachOf(open, watches));
  describe("leases", () => eachOf(open, leases));
  describe("refusals", () => eachOf(open, refusals));
}

function eachOf(open: Open, table: Readonly<Record<string, Case>>): void {
  for (const [name, work] of Object.entries(table)) sit(open, name, work);
}

/** Writes without conditions. Gives the revision. */
export async function put(store: Store, key: string, value: string): Promise<number> {
  return (await store.commit([], [{ key, value }]))!;
}

async function remove(store: Store, key: string): Promise<number> {
  return (await store.commit([], [{ key }]))!;
}

const texts = (entries: readonly Entry[], prefix: string) =>
  entries.map(({ key, value }) => `${key.slice(prefix.length)}=${value}`);

const commits: Record<string, Case> = {
  "a key that was never written has no entry": async (store, at) => {
    expect(await store.get(`${at}none`)).toBeUndefined();
  },
  "what was committed is what is got, whatever the value": async (store, at) => {
    const values = [
      "",
      "x",
      "grüße \u{1f9f6} \u{10ffff} \ufeff",
      '{"a":"\\u0000\n"}',
      "y".repeat(1e5),
    ];
    for (const value of values) {
      const revision = await put(store, `${at}ключ ${value.length}`, value);
      const key = `${at}ключ ${value.length}`;
      expect(await store.get(key)).toEqual({ key, value, revision });
    }
  },
  "many keys are got at once, in their order, without those that are not": async (store, at) => {
    const there = Array.from({ length: 2 * commitLimits.changes + 1 }, (_, i) => `${at}${i}`);
    const revisions: number[] = [];
    for (const key of there) revisions.push((await put(store, key, `of ${key}`))!);
    const asked = there.flatMap((key) => [`${key} not`, key]).reverse();
    const entries = there.map((key, i) => ({ key, value: `of ${key}`, revision: revisions[i]! }));
    expect(await store.getAll(asked)).toEqual(entries.reverse());
    expect(await store.getAll([])).toEqual([]);
  },
  "a key is created once": async (store, at) => {
    const create = () =>
      store.commit([{ key: `${at}a`, revision: 0 }], [{ key: `${at}a`, value: "1" }]);
    expect(await create()).toBeNumber();
    expect(await create()).toBeUndefined();
  },
  "a key is replaced by who knows its last change": async (store, at) => {
    const key = `${at}a`;
    const first = await put(store, key, "1");
    const second = await store.commit([{ key, revision: first }], [{ key, value: "2" }]);
    expect(second).toBeGreaterThan(first);
    expect(await store.commit([{ key, revision: first }], [{ key, value: "3" }])).toBeUndefined();
    expect((await store.get(key))?.value).toBe("2");
  },
  "a condition on another key holds back all changes": async (store, at) => {
    await put(store, `${at}guard`, "1");
    const changes = ["a", "b"].map((name) => ({ key: at + name, value: "1" }));
    const conditions = [{ key: `${at}guard`, revision: 0 }];
    expect(await store.commit(conditions, changes)).toBeUndefined();
    expect(texts((await store.list(at)).entries, at)).toEqual(["guard=1"]);
  },
  "all changes of a commit bear one revision": async (store, at) => {
    const changes = ["a", "b", "c"].map((name) => ({ key: at + name, value: "1" }));
    const revision = await store.commit([], changes);
    const { entries } = await store.list(at);
    expect(entries.map((entry) => entry.revision)).toEqual([revision!, revision!, revision!]);
  },
  "a deleted key is as one that never was": async (store, at) => {
    await put(store, `${at}a`, "1");
    await remove(store, `${at}a`);
    expect(await store.get(`${at}a`)).toBeUndefined();
    const created = await store.commit(
      [{ key: `${at}a`, revision: 0 }],
      [{ key: `${at}a`, value: "2" }],
    );
    expect(created).toBeNumber();
  },
  "deleting what is not there changes nothing": async (store, at) => {
    const revision = await put(store, `${at}a`, "1");
    expect(await remove(store, `${at}none`)).toBeGreaterThanOrEqual(revision);
    expect(texts((await store.list(at)).entries, at)).toEqual(["a=1"]);
  },
  "conditions alone are checked": async (store, at) => {
    const revision = await put(store, `${at}a`, "1");
    expect(await store.commit([{ key: `${at}a`, revision }], [])).toBeGreaterThanOrEqual(revision);
    expect(await store.commit([{ key: `${at}a`, revision: 0 }], [])).toBeUndefined();
  },
  "of writers at once none overwrites what it has not seen": async (store, at) => {
    const key = `${at}counter`;
    await put(store, key, "0");
    const increment = async (): Promise<void> => {
      for (;;) {
        const { value, revision } = (await store.get(key))!;
        const next = { key, value: String(Number(value) + 1) };
        if (await store.commit([{ key, revision }], [next])) return;
      }
    };
    await Promise.all(Array.from({ length: 12 }, increment));
    expect((await store.get(key))?.value).toBe("12");
  },
};

const lists: Record<string, Case> = {
  "keys come in the order of their bytes": async (store, at) => {
    const names = ["a", "a/b", "a0", "b", "\uffff", "\u{10000}"];
    for (const name of [...names].reverse()) await put(store, at + name, "1");
    const { entries } = await store.list(at);
    expect(entries.map(({ key }) => key.slice(at.length))).toEqual(names);
  },
  "a prefix is met by the keys that begin with it alone": async (store, at) => {
    for (const name of ["a", "a/", "a/1", "a/\u{10ffff}", "a0", "b/1"])
      await put(store, at + name, "1");
    const { entries } = await store.list(`${at}a/`);
    expect(texts(entries, at)).toEqual(["a/=1", "a/1=1", "a/\u{10ffff}=1"]);
  },
  "end early where values are large, and go on from there": async (store, at) => {
    for (let i = 10; i < 50; i++) await put(store, `${at}${i}`, "x".repeat(1000));
    const first = await store.list(at, { size: 25_000 });
    const after = first.entries.at(-1)!.key;
    const { entries } = await store.list(at, { after });
    expect([first.more, first.entries.length + entries.length]).toEqual([true, 40]);
  },

  "pages at one revision are one list, whatever is written meanwhile": async (store, at) => {
    for (let i = 0; i < 10; i++) await put(store, `${at}${i}`, "old");
    const first = await store.list(at, { limit: 4 });
    expect(first.more).toBe(true);
    await put(store, `${at}5`, "new");
    await remove(store, `${at}7`);
    await put(store, `${at}55`, "new");
    const all = [...first.entries];
    for (let more = first.more; more; ) {
      const { revision } = first;
      const page = await store.list(at, { limit: 3, after: all.at(-1)!.key, revision });
      expect(page.revision).toBe(revision);
      all.push(...page.entries);
      more = page.more;
    }
    expect(texts(all, at)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}=old`));
  },
  "an exact limit leaves no more": async (store, at) => {
    for (const name of ["a", "b"]) await put(store, at + name, "1");
    expect((await store.list(at, { limit: 2 })).more).toBe(false);
    expect((await store.list(at, { limit: 1 })).more).toBe(true);
  },
  "an earlier revision shows what was then": async (store, at) => {
    const created = await put(store, `${at}a`, "1");
    const other = await put(store, `${at}b`, "1");
    await put(store, `${at}a`, "2");
    await put(store, `${at}a`, "3");
    const removed = await remove(store, `${at}b`);
    await put(store, `${at}b`, "again");
    const seen = async (revision: number) =>
      texts((await store.list(at, { revision })).entries, at);
    expect(await seen(created)).toEqual(["a=1"]);
    expect(await seen(other)).toEqual(["a=1", "b=1"]);
    expect(await seen(removed)).toEqual(["a=3"]);
    expect((await store.list(at, { revision: other })).entries[0]?.revision).toBe(created);
  },
  "what is forgotten is refused, and what is now stays": async (store, at) => {
    const first = await put(store, `${at}a`, "1");
    const second = await put(store, `${at}a`, "2");
    const third = await put(store, `${at}a`, "3");
    await store.compact(second);
    await store.compact(second);
    await expect(store.list(at, { revision: first })).rejects.toThrow(CompactedError);
    expect(texts((await store.list(at, { revision: second })).entries, at)).toEqual(["a=2"]);
    expect((await store.get(`${at}a`))?.revision).toBe(third);
  },
  "a revision to come is refused": async (store, at) => {
    const revision = (await put(store, `${at}a`, "1")) + 1_000_000;
    await expect(store.list(at, { revision })).rejects.toThrow(CompactedError);
  },
};

const watches: Record<string, Case> = {
  "a commit is a batch, with what stood there before": async (store, at) => {
    const start = await put(store, `${at}a`, "1");
    using observer = new Observer(store, at, start);
    const second = (await store.commit(
      [],
      [
        { key: `${at}b`, value: "new" },
        { key: `${at}a`, value: "2" },
      ],
    ))!;
    const third = await remove(store, `${at}a`);
    expect(await observer.until(third)).toEqual([
      {
        revision: second,
        events: [
          { key: `${at}a`, revision: second, value: "2", previous: "1" },
          { key: `${at}b`, revision: second, value: "new" },
        ],
      },
      { revision: third, events: [{ key: `${at}a`, revision: third, previous: "2" }] },
    ]);
  },
  "it begins after its revision, also long ago": async (store, at) => {
    const revisions: number[] = [];
    for (let i = 0; i < 20; i++) revisions.push(await put(store, `${at}a`, String(i)));
    using observer = new Observer(store, at, revisions[4]!);
    const seen = await observer.until(revisions[19]!);
    expect(seen.map((batch) => batch.revision)).toEqual(revisions.slice(5));
    expect(seen[0]?.events[0]?.previous).toBe("4");
  },
  "it tells when nothing is missing": async (store, at) => {
    const start = await put(store, `${at}a`, "1");
    await put(store, `${at}a`, "2");
    using observer = new Observer(store, at, start);
    expect(await observer.caughtUp()).toBeGreaterThan(start);
    expect(observer.batches).toHaveLength(1);
  },
  "keys of other prefixes stay out": async (store, at) => {
    const start = await put(store, `${at}a/1`, "1");
    using observer = new Observer(store, `${at}a/`, start);
    for (const name of ["a", "a0", "b/1"]) await put(store, at + name, "1");
    const last = await put(store, `${at}a/2`, "1");
    expect(await observer.until(last)).toHaveLength(1);
  },
  "what was forgotten is refused, and what was not comes": async (store, at) => {
    const first = await put(store, `${at}a`, "1");
    const second = await put(store, `${at}a`, "2");
    const third = await remove(store, `${at}a`);
    const fourth = await put(store, `${at}a`, "4");
    await store.compact(third);
    for (const revision of [first, second]) {
      using late = new Observer(store, at, revision);
      await expect(late.until(fourth)).rejects.toThrow(CompactedError);
    }
    using fresh = new Observer(store, at, third);
    expect(await fresh.until(fourth)).toHaveLength(1);
  },
  "a revision to which the store never came is refused": async (store, at) => {
    using observer = new Observer(store, at, (await put(store, `${at}a`, "1")) + 1_000_000);
    await expect(observer.until(Infinity)).rejects.toThrow(CompactedError);
  },
  "who reads slowly misses nothing and holds up nobody": async (store, at) => {
    const start = await put(store, `${at}a`, "0");
    const stop = new AbortController();
    const slow = store.watch(at, start, stop.signal)[Symbol.asyncIterator]();
    await put(store, `${at}a`, "1");
    const seen: (string | undefined)[] = [];
    const take = async () => {
      const { value } = await slow.next();
      for (const event of value.events) seen.push(event.value);
    };
    while (seen.length < 1) await take();
    using quick = new Observer(store, at, start);
    let last = 0;
    for (let i = 2; i <= 200; i++) last = await put(store, `${at}a`, String(i));
    expect(await quick.until(last)).toHaveLength(200);
    while (seen.length < 200) await take();
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => String(i + 1)));
    stop.abort();
    for (let ended = false; !ended; ) ended = (await slow.next()).done === true;
  },
  "list and watch together give what is": async (store, at) => {
    const listing = await store.list(at);
    using observer = new Observer(store, at, listing.revision);
    let last = 0;
    const write = async (worker: number) => {
      for (let i = 0; i < 15; i++) {
        const key = `${at}${(worker * 7 + i * 3) % 10}`;
        const value = i % 4 === 3 ? undefined : `${worker}.${i}`;
        last = Math.max(last, (await store.commit([], [{ key, value }]))!);
      }
    };
    await Promise.all([0, 1, 2, 3].map(write));
    last = Math.max(last, await put(store, `${at}end`, "1"));
    const replayed = new Map<string, string>();
    for (const { key, value, previous } of (await observer.until(last)).flatMap((b) => b.events)) {
      expect(previous).toBe(replayed.get(key));
      if (value === undefined) replayed.delete(key);
      else replayed.set(key, value);
    }
    const { entries } = await store.list(at);
    expect(Object.fromEntries(replayed)).toEqual(
      Object.fromEntries(entries.map(({ key, value }) => [key, value])),
    );
  },
  "it ends when the store is closed": async (store, at) => {
    using observer = new Observer(store, at, await put(store, `${at}a`, "1"));
    await observer.caughtUp();
    await store.close();
    await observer.ended;
  },
};

const leases: Record<string, Case> = {
  "its keys go when it is not renewed, in one commit": async (store, at) => {
    const lease = await store.lease(1000);
    const changes = ["a", "b"].map((name) => ({ key: at + name, value: "1", lease }));
    using observer = new Observer(store, at, (await store.commit([], changes))!);
    const [batch] = await observer.until(await observer.some());
    expect(batch?.events.map(({ key, value }) => [key, value])).toEqual([
      [`${at}a`, undefined],
      [`${at}b`, undefined],
    ]);
    await expect(lease.renew()).rejects.toThrow(LeaseLostError);
    const late = store.commit([], [{ key: `${at}c`, value: "1", lease }]);
    await expect(late).rejects.toThrow(LeaseLostError);
    await lease.revoke();
  },
  "its keys stay while it is renewed": async (store, at) => {
    const lease = await store.lease(2000);
    await store.commit([], [{ key: `${at}a`, value: "1", lease }]);
    for (let i = 0; i < 8; i++) {
      await Bun.sleep(400);
      await lease.renew();
    }
    expect(await store.get(`${at}a`)).toBeDefined();
    await lease.revoke();
    expect(await store.get(`${at}a`)).toBeUndefined();
  },
  "a key that is written without it stays when it goes": async (store, at) => {
    const lease = await store.lease(60_000);
    await store.commit([], [{ key: `${at}a`, value: "1", lease: { id: lease.id } }]);
    await put(store, `${at}a`, "2");
    await lease.revoke();
    expect((await store.get(`${at}a`))?.value).toBe("2");
  },
};
