/** One agent a network namespace keeps routes between hosts. */
import { expect, test } from "bun:test";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { Sole } from "./sole.ts";

test("one of a namespace has it, until it ends; another namespace has its own", () => {
  using here = new ScratchNetns("one");
  using there = new ScratchNetns("two");
  using first = new Sole(here.path);
  using second = new Sole(here.path);
  using other = new Sole(there.path);
  expect([first.isTaken(), first.isTaken()]).toEqual([true, true]);
  expect([second.isTaken(), other.isTaken()]).toEqual([false, true]);
  first[Symbol.dispose]();
  expect(second.isTaken()).toBe(true);
});
