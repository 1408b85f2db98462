/** Tests that cached records are those on disk. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AttachmentRecord, listRecords, removeRecord, writeRecord } from "./record.ts";
import { RecordCache } from "./record-cache.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-records-"));
const paths = { stateDir: dir, runDir: dir };
afterAll(() => rmSync(dir, { recursive: true }));

const record = (n: number, network = "blue"): AttachmentRecord => ({
  ...{ version: 1, boot: "now", id: `${n}`.repeat(16), maker: "bridge", network },
  ...{ containerId: `c${n}`, ifName: "eth0", netns: "/run/netns/c", objects: [] },
});

test("gives what is on disk, whatever happened there meanwhile", () => {
  const cache = new RecordCache();
  const agrees = () => expect(cache.list(paths)).toEqual(listRecords(paths));
  agrees();
  for (const n of [1, 2, 3]) writeRecord(paths, record(n));
  agrees();
  writeRecord(paths, record(2, "grey"));
  removeRecord(paths, record(3));
  agrees();
  const networks = cache.list(paths).map(({ network }) => network);
  expect(networks.sort()).toEqual(["blue", "grey"]);
  writeFileSync(`${dir}/attachments/${record(1).id}.bridge.json`, "spoilt");
  agrees();
  expect(cache.list(paths)).toHaveLength(1);
});

test("reads a record that did not change only once", () => {
  const cache = new RecordCache();
  writeRecord(paths, record(5));
  const [before] = cache.list(paths).filter(({ containerId }) => containerId === "c5");
  expect(cache.list(paths)).toContain(before!);
});
