/** What is known of an object is not worked out again. */
import { expect, test } from "bun:test";
import { perObject } from "./per-object.ts";

test("work is done once for each object", () => {
  let done = 0;
  const doubled = perObject(({ value }: { value: number }) => {
    done++;
    return value === 0 ? undefined : 2 * value;
  });
  const [one, same, none] = [{ value: 1 }, { value: 1 }, { value: 0 }];
  expect([doubled(one), doubled(one), doubled(same)]).toEqual([2, 2, 2]);
  expect(done).toBe(2);
  expect([doubled(none), doubled(none)]).toEqual([undefined, undefined]);
  expect(done).toBe(3);
});
