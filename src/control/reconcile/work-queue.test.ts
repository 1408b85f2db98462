/** The queue of reconcilers: when, in which order, and how often they look. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { silentLog } from "../../lib/log.ts";
import type { ReconcileContext, Reconciler } from "./reconciler.ts";
import { WorkQueue } from "./work-queue.ts";

let queue: WorkQueue;
let end: AbortController;
let running: Promise<void>;
let done: string[];

beforeEach(() => {
  queue = new WorkQueue({} as ReconcileContext, silentLog);
  end = new AbortController();
  running = queue.run(end.signal);
  done = [];
});
afterEach(async () => {
  end.abort();
  await running;
});

const reconciler = (name: string, run: Reconciler["run"]): Reconciler => ({
  ...{ name, pauseMs: 0, touched: () => [], run },
});
const noting = (name: string) =>
  reconciler(name, async (_, what) => {
    done.push(`${name} ${what}`);
    return undefined;
  });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

test("one reconciler's little work is not kept waiting by another's much", async () => {
  const [many, few] = [noting("many"), noting("few")];
  for (let i = 0; i < 2_000; i++) queue.add(many, String(i));
  await until(() => done.length > 0);
  queue.add(few, "urgent");
  await until(() => done.length === 2_001);
  expect(done.indexOf("few urgent")).toBeLessThan(1_500);
});

test("work of one reconciler comes in its order", async () => {
  const one = noting("one");
  for (let i = 0; i < 50; i++) queue.add(one, String(i));
  await until(() => done.length === 50);
  expect(done).toEqual(Array.from({ length: 50 }, (_, i) => `one ${i}`));
});

test("what is added again and again waits once, for the earliest time", async () => {
  const one = noting("one");
  queue.add(one, "a", 60_000);
  for (let i = 0; i < 10; i++) queue.add(one, "a", 5);
  queue.add(one, "a", 60_000);
  await until(() => done.length > 0);
  await Bun.sleep(20);
  expect(done).toEqual(["one a"]);
});

test("what is under way is not begun a second time, but looked at once more after", async () => {
  const gate = Promise.withResolvers<undefined>();
  let most = 0;
  let now = 0;
  const slow = reconciler("slow", async () => {
    most = Math.max(most, ++now);
    done.push("begun");
    await gate.promise;
    now--;
    return undefined;
  });
  queue.add(slow, "a");
  await until(() => done.length === 1);
  queue.add(slow, "a");
  await Bun.sleep(20);
  expect(done).toHaveLength(1);
  gate.resolve(undefined);
  await until(() => done.length === 2);
  expect(most).toBe(1);
});

test("what fails is tried again, and what asks for it is looked at again", async () => {
  let tries = 0;
  const failing = reconciler("failing", async () => {
    tries++;
    if (tries === 1) throw new Error("not yet");
    return tries === 2 ? 1 : undefined;
  });
  queue.add(failing, "a");
  await until(() => tries === 3);
});

test("nothing is begun once the end has come", async () => {
  const one = noting("one");
  queue.add(one, "a", 10);
  end.abort();
  await running;
  queue.add(one, "b");
  await Bun.sleep(30);
  expect(done).toEqual([]);
});
