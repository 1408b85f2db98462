/** Blocks on disk: what can't be read is put aside, and missed until it is known again. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlockAllocation } from "../../ipam/block-allocation.ts";
import type { LogEvent } from "../../lib/log.ts";
import { BlockFolder } from "./block-folder.ts";

const state: BlockAllocation = {
  ...{ block: "default.blue.10-1-0-0-30", subnet: { namespace: "default", name: "blue" } },
  ...{ cidr: "10.1.0.0/30", lease: "l1", stage: "giving", boot: "b1", revision: 5, sequence: 1 },
  ...{ held: { "10.1.0.1": { owner: "a/eth0" } }, rested: {}, refused: {} },
};
const fileName = `${state.block}.json`;
let folder: string;
const events: LogEvent[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-blocks-"));
  events.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = () => new BlockFolder(folder, (event) => events.push(event));
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);

const damaged: [string, string][] = [
  ["a part", JSON.stringify(state).slice(0, 40)],
  ["nothing", ""],
  ["null", "null"],
  ["another shape", JSON.stringify({ ...state, held: undefined })],
  ["another block's state", JSON.stringify({ ...state, block: "other" })],
  ["an address of another block", JSON.stringify({ ...state, held: { "10.2.0.1": {} } })],
];
test.each(damaged)("a file that holds %s is put aside and named", (_what, text) => {
  put(fileName, text);
  const blocks = open();
  expect(blocks.blocks).toEqual([]);
  const path = join(folder, fileName);
  expect(blocks.damage).toEqual([expect.stringContaining(`"${path}" can't be read`)]);
  expect(readFileSync(`${path}.damaged`, "utf8")).toBe(text);
  expect(events).toEqual([expect.objectContaining({ level: "error", path })]);
  expect(open().blocks).toEqual([]);
});

test("other files of the folder are read all the same", () => {
  put("default.blue.10-1-0-4-30.json", "{");
  put(fileName, JSON.stringify(state));
  put("forgotten", "7");
  const blocks = open();
  expect(blocks.blocks).toEqual([state]);
  expect(blocks.forgotten).toBe(7);
});

test("a block is missed until it is confirmed, or another's", () => {
  put(fileName, "{");
  const blocks = open();
  blocks.missOnly([state.block]);
  blocks.write({ ...state, boot: "", reopenedFrom: 1 });
  expect(blocks.damage).toHaveLength(1);
  blocks.write(state);
  expect(blocks.damage).toEqual([]);
  put(fileName, "{");
  const again = open();
  again.missOnly([]);
  expect(again.damage).toEqual([]);
});

test.each(["x", "", "NaN", "-1", "1e3"])("a damaged fence %p lets no view open a block", (text) => {
  put("forgotten", text);
  const blocks = open();
  expect(blocks.forgotten).toBe(Number.POSITIVE_INFINITY);
  blocks.missOnly([]);
  expect(blocks.damage).toHaveLength(1);
  expect(existsSync(join(folder, "forgotten"))).toBe(false);
  blocks.passed(12);
  expect([blocks.forgotten, blocks.damage]).toEqual([12, []]);
  blocks.passed(13);
  expect(open().forgotten).toBe(12);
});
