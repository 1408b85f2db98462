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

const changes = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ key: `endpoints/default/p${i}`, isNews: true },
    object: { metadata: { name: `p${i}` } } as never,
  }));

test("thousands of changes are written little by little, and whole only at the end", async () => {
  const path = `${dir}/many`;
  const folder = new SpecFolder(path, () => {});
  folder.keep([{ key: "networks/default/blue", object: {} as never, isNews: true }], true);
  const onDisk = () => new SpecFolder(path, () => {}).load();
  expect(onDisk().isComplete).toBe(true);
  for (const change of changes(400)) folder.keep([change], true);
  // One that is killed now begins with what is no whole.
  expect(onDisk().isComplete).toBe(false);
  const sizes = new Set<number>();
  while (!onDisk().isComplete) {
    sizes.add(onDisk().objects.length);
    await Bun.sleep(1);
  }
  expect(sizes.size).toBeGreaterThan(1);
  expect(onDisk().objects).toHaveLength(401);
});

test("what has not come as a whole waits, and an agent that ends writes the rest", () => {
  const path = `${dir}/rest`;
  const folder = new SpecFolder(path, () => {});
  for (const change of changes(500)) folder.keep([change], false);
  const onDisk = () => new SpecFolder(path, () => {}).load();
  expect(onDisk().objects.length).toBeLessThan(500);
  folder.close();
  expect(onDisk()).toMatchObject({ isComplete: false });
  expect(onDisk().objects).toHaveLength(500);
  folder.keep([], true);
  folder.close();
  expect(onDisk().isComplete).toBe(true);
});

test("that servers came or went may stay unwritten", () => {
  const events: string[] = [];
  const log = ({ event }: { event: string }) => void events.push(event);
  sayReached(rigid("run"), { servers: [], isReached: true }, log);
  expect(events).toEqual(["control plane's state not noted"]);
});
