/** The loop's work on many things of which some have to wait. */
import { expect, test } from "bun:test";
import { Aside } from "./aside.ts";
import { KeyedQueue } from "./queue.ts";

function begin() {
  const queue = new KeyedQueue();
  const late: unknown[] = [];
  return { queue, late, aside: new Aside(queue, (error) => late.push(error)) };
}

test("who waits lets the others go on, and is not begun again at once", async () => {
  const { aside, queue, late } = begin();
  const block = Promise.withResolvers<void>();
  const done: string[] = [];
  const pass = () =>
    aside.forEach("make", ["a", "b"], async (id, patience) => {
      done.push(`${id} begins`);
      if (id === "a" && patience.leftMs() > 0) await block.promise;
      done.push(id);
    });
  await pass();
  await pass();
  expect(done).toEqual(["a begins", "b begins", "b", "b begins", "b"]);
  block.reject(new Error("none came"));
  await queue.idle();
  expect(late.map(String)).toEqual(["Error: none came"]);
  // In vain: he has a rest, and then another, longer one, but for news of what he waits for.
  const begun = () => done.filter((each) => each === "a begins").length;
  expect(await pass()).toBe(false);
  expect(begun()).toBe(1);
  const news = Promise.withResolvers<void>();
  aside.onNews = news.resolve;
  await news.promise;
  await pass();
  await queue.idle();
  expect(begun()).toBe(2);
  aside.wake();
  await pass();
  expect(begun()).toBe(2);
  await Bun.sleep(1_010);
  await pass();
  expect(begun()).toBe(3);
});

test("whose turn is another's lets the others go on, and has it afterwards", async () => {
  const { aside, queue } = begin();
  const endTurn = await queue.take("a");
  const done: string[] = [];
  const pass = () => aside.forEach("make", ["a", "b"], async (id) => done.push(id));
  expect(await pass()).toBe(false);
  expect(done).toEqual(["b"]);
  endTurn();
  await queue.idle();
  expect(done).toEqual(["b", "a"]);
  expect(await pass()).toBe(true);
});

test("what fails is told once all had their turn", async () => {
  const { aside, late } = begin();
  const done: string[] = [];
  const all = aside.forEach("make", ["a", "b"], async (id) => {
    done.push(id);
    if (id === "a") throw new Error("a is stuck");
  });
  await expect(all).rejects.toThrow("a is stuck");
  expect([done, late]).toEqual([["a", "b"], []]);
});

test("a wake-up while he waits counts afterwards, and who was passed over is told of", async () => {
  const { aside, queue } = begin();
  let done = 0;
  aside.onNews = () => void done++;
  const block = Promise.withResolvers<void>();
  let tries = 0;
  const pass = () =>
    aside.forEach("make", ["a"], async (_, patience) => {
      tries++;
      patience.leftMs();
      await block.promise;
      return false;
    });
  await pass();
  aside.wake();
  await pass();
  expect([tries, done]).toEqual([1, 0]);
  block.resolve();
  await queue.idle();
  await Promise.resolve();
  expect(done).toBe(1);
  // Others, as who tells of it, have the turn first.
  await pass();
  expect(tries).toBe(1);
  await Bun.sleep(1_010);
  await pass();
  expect(tries).toBe(2);
});

test("who waited and got it has no rest", async () => {
  const { aside, queue } = begin();
  let tries = 0;
  const pass = () =>
    aside.forEach("make", ["a"], async (_, patience) => {
      tries++;
      patience.leftMs();
    });
  await pass();
  await queue.idle();
  await pass();
  await queue.idle();
  expect(tries).toBe(2);
});
