/** The node spec on a disk that takes nothing. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sayReached } from "../run-dir.ts";
import { SpecFolder } from "./spec-folder.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-spec-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** In it nothing can be written, and nothing removed. */
const rigid = (name: string): string => {
  writeFileSync(`${dir}/${name}`, "");
  return `${dir}/${name}`;
};

test("a disk on which nothing can even be removed is told of, and ends nothing", () => {
  const path = rigid("spec");
  const events: string[] = [];
  const folder = new SpecFolder(path, ({ event }) => events.push(event));
  folder.keep([{ key: "networks/default/blue", object: {} as never, isNews: true }], true);
  folder.retry();
  expect(folder.failure).toContain(path);
  expect(events).toEqual(["node spec not kept on disk"]);
  rmSync(path);
  folder.retry();
  expect(folder.failure).toBeUndefined();
  expect(new SpecFolder(path, () => {}).load()).toEqual({
    objects: [{}] as never,
    isComplete: true,
  });
});

test("that servers came or went may stay unwritten", () => {
  const events: string[] = [];
  const log = ({ event }: { event: string }) => void events.push(event);
  sayReached(rigid("run"), { servers: [], isReached: true }, log);
  expect(events).toEqual(["control plane's state not noted"]);
});
