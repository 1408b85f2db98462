/** The fake sits the exam. */
import { describe, expect, test } from "bun:test";
import { sitExam } from "./exam.ts";
import { examTable } from "./exam-table.ts";
import { FakeNft } from "./fake.ts";

describe("the fake", () => sitExam(() => new FakeNft()));

test("an outside flush of the ruleset leaves the fake empty", () => {
  const nft = new FakeNft();
  nft.ensure([examTable]);
  nft.flushRuleset();
  expect(nft.present([examTable])).toEqual([false]);
});
