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

const sorted = (records: readonly AttachmentRecord[]) =>
  records.toSorted((a, b) => a.id.localeCompare(b.id));
const agrees = (cache: RecordCache) =>
  expect(sorted(cache.list(paths))).toEqual(sorted(listRecords(paths)));

test("a look finds what is on disk, whatever happened there meanwhile", () => {
  const cache = new RecordCache();
  const finds = () => {
    cache.look(paths);
    agrees(cache);
  };
  finds();
  for (const n of [1, 2, 3]) writeRecord(paths, record(n));
  finds();
  writeRecord(paths, record(2, "grey"));
  removeRecord(paths, record(3));
  finds();
  const networks = cache.list(paths).map(({ network }) => network);
  expect(networks.sort()).toEqual(["blue", "grey"]);
  const spoilt = `${dir}/attachments/${record(1).id}.bridge.json`;
  writeFileSync(spoilt, "spoilt");
  finds();
  expect(cache.list(paths)).toHaveLength(1);
  expect(cache.unreadable(paths)).toEqual([spoilt]);
});

test("its own changes are known without a look", () => {
  const records = new RecordCache();
  const own = { ...paths, records };
  agrees(records);
  writeRecord(own, record(6));
  writeRecord(own, record(7));
  agrees(records);
  writeRecord(own, record(7, "grey"));
  removeRecord(own, record(6));
  agrees(records);
  const known = records.list(own);
  records.look(own);
  for (const each of known) expect(records.list(own)).toContain(each);
});

test("reads a record that did not change only once", () => {
  const cache = new RecordCache();
  writeRecord(paths, record(5));
  const [before] = cache.list(paths).filter(({ containerId }) => containerId === "c5");
  cache.look(paths);
  expect(cache.list(paths)).toContain(before!);
});
