/** Full and read-only disks: a clear error, and nothing half made. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StoreFixture, storeFixture } from "../../src/engine/host-local/store-fixture.ts";

const subnet = "10.1.0.0/24";
let disk = "";

/** A file system of its own, of so many pages and files, in memory. */
beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), "netloom-disk-"));
  mount("-t", "tmpfs", "-o", "size=32k,nr_inodes=12", "tmpfs", disk);
});

afterEach(() => {
  Bun.spawnSync(["umount", "-l", disk]);
  rmSync(disk, { recursive: true });
});

function mount(...argv: string[]): void {
  const { success, stderr } = Bun.spawnSync(["mount", ...argv]);
  if (!success) throw new Error(`Cannot mount: ${stderr}`);
}

/** A file that is just being made durable is open yet, and for so long the disk is busy. */
async function remount(mode: "ro" | "rw"): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (Bun.spawnSync(["mount", "-o", `remount,${mode}`, disk]).success) return;
    await Bun.sleep(20);
  }
  throw new Error(`Cannot remount "${disk}"`);
}

/** Takes all free space; the file to remove to get it back. */
function fillSpace(): string {
  const ballast = join(disk, "ballast");
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  return ballast;
}

function fillFiles(): string[] {
  const files: string[] = [];
  while (statfsSync(disk).ffree > 0) {
    const file = join(disk, `file${files.length}`);
    writeFileSync(file, "");
    files.push(file);
  }
  return files;
}

describe("with the reservations on it", () => {
  const onDisk = () => storeFixture({ dataDir: join(disk, "data") });
  const listing = () => readdirSync(join(disk, "data/net")).sort();

  function expectRefused(store: StoreFixture, message: string | RegExp): void {
    const before = listing();
    expect(() => store.add("c2", subnet)).toThrow(message);
    expect(listing()).toEqual(before);
    expect(store.find("c2")).toEqual([]);
    expect(store.find("c1")).toEqual(["10.1.0.2"]);
  }

  test("a disk without space refuses ADD, and serves DEL", () => {
    using store = onDisk();
    store.add("c1", subnet);
    const ballast = fillSpace();
    expectRefused(store, /Cannot reserve 10\.1\.0\.3 in ".*": the disk is full: free some space/);
    expect(store.del("c1")).toEqual(["10.1.0.2"]);
    rmSync(ballast);
    expect(store.add("c2", subnet)).toEqual(["10.1.0.3/24"]);
  });

  test("a disk without room for files refuses ADD, and serves DEL", () => {
    using store = onDisk();
    store.add("c1", subnet);
    const files = fillFiles();
    expectRefused(store, "the disk is full: free some space (ENOSPC)");
    expect(store.del("c1")).toEqual(["10.1.0.2"]);
    for (const file of files) rmSync(file);
    expect(store.add("c2", subnet)).toEqual(["10.1.0.3/24"]);
  });

  test("a disk without space for a second address takes the first one back", () => {
    using store = onDisk();
    store.add("c1", subnet);
    const ballast = fillSpace();
    rmSync(ballast);
    // Two pages: a reservation and its round robin fit, another does not.
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc((bavail - 2) * bsize));
    const before = listing();
    const ranges = [[{ subnet }], [{ subnet: "10.2.0.0/24" }], [{ subnet: "10.3.0.0/24" }]];
    expect(() => store.add("c2", { ranges })).toThrow("the disk is full");
    expect(listing().filter((name) => !name.startsWith("last_reserved_ip"))).toEqual(
      before.filter((name) => !name.startsWith("last_reserved_ip")),
    );
    expect(store.find("c2")).toEqual([]);
  });

  test("a read-only disk refuses ADD and DEL, and serves CHECK", async () => {
    using store = onDisk();
    store.add("c1", subnet);
    await remount("ro");
    expectRefused(store, "the file system is read-only: mount it writable, or use another folder");
    expect(() => store.del("c1")).toThrow("Cannot release 10.1.0.2");
    expect(store.del("c9")).toEqual([]);
    await remount("rw");
    expect(store.del("c1")).toEqual(["10.1.0.2"]);
  });

  test("a read-only disk without the network's directory says what it cannot make", async () => {
    using store = onDisk();
    await remount("ro");
    expect(() => store.add("c1", subnet)).toThrow(/Cannot make ".*data\/net": .*read-only/);
    expect(store.del("c1")).toEqual([]);
  });
});

describe("with the index on it", () => {
  test("a full or read-only disk makes no difference but in time", async () => {
    using store = storeFixture({ stateDir: join(disk, "state") });
    store.add("c1", subnet);
    fillSpace();
    for (let n = 2; n <= 4; n++) expect(store.add(`c${n}`, subnet)).toEqual([`10.1.0.${n + 1}/24`]);
    await remount("ro");
    expect(store.add("c5", subnet)).toEqual(["10.1.0.6/24"]);
    expect(store.del("c2")).toEqual(["10.1.0.3"]);
    expect(store.find("c3")).toEqual(["10.1.0.4"]);
    await remount("rw");
    expect(store.find("c2")).toEqual([]);
    expect(store.find("c5")).toEqual(["10.1.0.6"]);
  });
});
