/** The kernel's nftables sits the exam; `nft` itself judges what it left. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../netns/netns.ts";
import { examTable, sitExam } from "./exam.ts";
import { KernelNft } from "./kernel-nft.ts";

const netns = `${namedNetnsDir}/nlnft-exam`;
let nft: KernelNft;

/** What nft itself shows in the namespace. Throws when it fails. */
function run(...args: string[]): string {
  const result = Bun.spawnSync(["nsenter", `--net=${netns}`, "nft", ...args]);
  if (!result.success) throw new Error(result.stderr.toString());
  return result.stdout.toString();
}

beforeAll(() => {
  createNetns(netns);
  nft = new KernelNft(netns);
});
afterAll(() => {
  nft[Symbol.dispose]();
  removeNetns(netns);
});

const fresh = () => {
  run("flush", "ruleset");
  return nft;
};

describe("the kernel's nftables", () => sitExam(fresh));

test("the socket and the library work in the namespace that was named, from anywhere", () => {
  fresh().ensure([examTable]);
  expect(inNetns(netns, () => new KernelNft()).intact([examTable])).toBe(true);
  using here = new KernelNft();
  expect(here.present([examTable])).toEqual([false]);
});
