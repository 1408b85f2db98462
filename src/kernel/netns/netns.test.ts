/** What the types refuse: work inside a namespace that would go on after it has come back. */
import { expect, test } from "bun:test";
import { hostNetns } from "../../model/kernel-object.ts";
import { inNetns, NetnsError } from "./netns.ts";

test("a promise is refused by type as the result of work inside a namespace", async () => {
  // @ts-expect-error: an async function goes on after the thread has come back.
  const one = inNetns(hostNetns, async () => 1);
  // @ts-expect-error: so does anything that can be awaited.
  inNetns(hostNetns, () => Promise.resolve(1) as PromiseLike<number>);
  const plain: number = inNetns(hostNetns, () => 2);
  expect([await one, plain]).toEqual([1, 2]);
});

test("a namespace that does not exist is named in the error", () => {
  const path = "/nowhere/at/all";
  expect(() => inNetns(path, () => 1)).toThrow(
    new NetnsError("open", path, Object.assign(new Error(), { code: "ENOENT" })),
  );
});
