/** Random work on a store in SQLite, compared with a plain model of what a store is. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { compareKeys } from "./keys.ts";
import { Observer } from "./observer.ts";
import { openSqlite, type SqliteStore } from "./sqlite.ts";
import { type Change, CompactedError, type Entry, type StoreEvent } from "./store.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-model-"));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;

/** Every state that the store ever had, by revision. */
class Model {
  readonly states = new Map<number, readonly Entry[]>([[1, []]]);
  readonly events: StoreEvent[] = [];
  revision = 1;
  compacted = 1;

  at(revision: number): readonly Entry[] {
    return this.states.get(revision)!;
  }

  find(key: string): Entry | undefined {
    return this.at(this.revision).find((entry) => entry.key === key);
  }

  commit(changes: readonly Change[]): void {
    const real = changes.filter(({ key, value }) => value !== undefined || this.find(key));
    if (real.length === 0) return;
    const revision = this.revision + 1;
    const sorted = [...real].sort((a, b) => compareKeys(a.key, b.key));
    for (const { key, value } of sorted) {
      const previous = this.find(key)?.value;
      this.events.push({
        key,
        revision,
        ...(value !== undefined && { value }),
        ...(previous !== undefined && { previous }),
      });
    }
    const kept = this.at(this.revision).filter(({ key }) => !real.some((c) => c.key === key));
    const written = real.flatMap(({ key, value }) =>
      value === undefined ? [] : [{ key, value, revision }],
    );
    const entries = [...kept, ...written].sort((a, b) => compareKeys(a.key, b.key));
    this.revision = revision;
    this.states.set(revision, entries);
  }
}

interface World {
  readonly model: Model;
  readonly path: string;
  store: SqliteStore;
  watches: { observer: Observer; prefix: string; revision: number }[];
}

type Step = (world: World) => Promise<void>;

/** A revision that was, by a fraction of all that were; a little beyond at both ends. */
const revisionOf = ({ model }: World, part: number) => Math.round(part * (model.revision + 2));

const key = fc.constantFrom("a", "a/", "a/1", "a/\u{10ffff}", "a0", "b", "\uffff", "\u{10000}");
const prefix = fc.constantFrom("", "a", "a/", "b", "\uffff", "none");
const value = fc.option(fc.string({ unit: "grapheme", maxLength: 5 }), { nil: undefined });
const change = fc.record({ key, value }, { requiredKeys: ["key"] });
const changes = fc.uniqueArray(change, { selector: (one) => one.key, maxLength: 4 });
const part = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);

const commit = fc.tuple(changes, fc.array(fc.tuple(key, fc.boolean()), { maxLength: 2 })).map(
  ([changes, guards]): Step =>
    async ({ model, store }) => {
      const conditions = guards.map(([key, holds]) => {
        const revision = model.find(key)?.revision ?? 0;
        return { key, revision: holds ? revision : revision + 1 };
      });
      const made = await store.commit(conditions, changes);
      const holds = guards.every(([, holds]) => holds);
      if (holds) model.commit(changes);
      expect(made).toBe(holds ? model.revision : undefined);
    },
);

const list = fc
  .record({
    prefix,
    part: fc.option(part, { nil: undefined }),
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    after: fc.option(key, { nil: undefined }),
  })
  .map(
    ({ prefix, part, limit, after }): Step =>
      async (world) => {
        const { model, store } = world;
        const revision = part === undefined ? undefined : revisionOf(world, part);
        const listed = store.list(prefix, { revision, limit, after });
        const at = revision ?? model.revision;
        if (at < model.compacted || at > model.revision) {
          await expect(listed).rejects.toThrow(CompactedError);
          return;
        }
        const all = model.at(at).filter((entry) => {
          const isAfter = after === undefined || compareKeys(entry.key, after) > 0;
          return entry.key.startsWith(prefix) && isAfter;
        });
        const entries = all.slice(0, limit);
        expect(await listed).toEqual({ entries, revision: at, more: entries.length < all.length });
      },
  );

const compact = part.map(
  (part): Step =>
    async (world) => {
      const { model, store } = world;
      const revision = Math.min(model.revision, revisionOf(world, part));
      await store.compact(revision);
      model.compacted = Math.max(model.compacted, revision);
    },
);

const watch = fc.tuple(prefix, part).map(
  ([prefix, part]): Step =>
    async (world) => {
      const { model, store } = world;
      const revision = revisionOf(world, part);
      const observer = new Observer(store, prefix, revision);
      if (revision < model.compacted || revision > model.revision) {
        await expect(observer.caughtUp()).rejects.toThrow(CompactedError);
        return;
      }
      // Caught up, so that forgetting what it has read is nothing to it.
      await observer.caughtUp();
      world.watches.push({ observer, prefix, revision });
    },
);

const reopen = fc.constant<Step>(async (world) => {
  await check(world);
  await world.store.close();
  world.store = openWith(world.path);
});

/** Little is remembered, so that watches read the history too. */
function openWith(path: string): SqliteStore {
  return openSqlite(path, { feed: { batches: 4, size: 60, progressMs: 1 } });
}

/** Every watch has each event once, in order, a batch a commit; none is left. */
async function check(world: World): Promise<void> {
  for (const { observer, prefix, revision } of world.watches) {
    const expected = world.model.events.filter(
      (event) => event.revision > revision && event.key.startsWith(prefix),
    );
    await observer.until(expected.at(-1)?.revision ?? 0);
    expect(observer.batches.flatMap(({ events }) => events)).toEqual(expected);
    const revisions = observer.batches.map((batch) => batch.revision);
    expect(revisions).toEqual([...new Set(expected.map((event) => event.revision))]);
    observer[Symbol.dispose]();
    await observer.ended;
  }
  world.watches = [];
}

test("a store does as the model does, whatever is asked of it", async () => {
  const step = fc.oneof(
    { arbitrary: commit, weight: 6 },
    { arbitrary: list, weight: 4 },
    { arbitrary: watch, weight: 2 },
    { arbitrary: compact, weight: 1 },
    { arbitrary: reopen, weight: 1 },
  );
  const run = async (steps: readonly Step[]) => {
    const path = join(dir, `${++files}.db`);
    const world: World = { model: new Model(), path, store: openWith(path), watches: [] };
    try {
      for (const step of steps) await step(world);
      await check(world);
    } finally {
      for (const { observer } of world.watches) observer[Symbol.dispose]();
      await world.store.close();
    }
  };
  const runs = fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), run);
  await fc.assert(runs, { numRuns: 40 });
});
