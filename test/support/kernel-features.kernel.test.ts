/** Every feature that a test may ask for is there in the VM, so that no test runs nowhere. */
import { expect, test } from "bun:test";
import { type Feature, has, needs, tries } from "./kernel-features.ts";

for (const feature of Object.keys(tries) as Feature[]) {
  needs(feature).test(`the feature "${feature}" is supplied`, () => {
    expect(has(feature)).toBe(true);
  });
}

test("tests are guarded by all the features that they name", () => {
  const absent = (Object.keys(tries) as Feature[]).filter((feature) => !has(feature));
  expect(needs().missing).toBe(false);
  for (const feature of absent) expect(needs(feature).missing).toBe(true);
});
