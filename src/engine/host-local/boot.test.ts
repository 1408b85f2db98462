/** After a reboot: what is freed, and what never is. */
import { expect, test } from "bun:test";
import { readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { bootTimeMs } from "./boot.ts";
import { type StoreFixture, storeFixture } from "./store-fixture.ts";

const subnet = "10.1.0.0/24";
const boot = Date.UTC(2026, 0, 2);
const before = new Date(boot - 3_600_000);
const after = new Date(boot + 3_600_000);

const age = (store: StoreFixture, name: string, time: Date) =>
  utimesSync(`${store.path}/${name}`, time, time);
const forgetBoot = (store: StoreFixture) =>
  rmSync(store.options.runDir, { recursive: true, force: true });

test("the first use since boot frees reservations older than the boot, and those alone", () => {
  using store = storeFixture({ bootTimeMs: boot });
  for (const id of ["old", "new"]) store.add(id, subnet);
  age(store, "10.1.0.2", before);
  age(store, "10.1.0.3", after);
  forgetBoot(store);
  store.add("next", subnet);
  expect(store.find("old")).toEqual([]);
  expect(store.find("new")).toEqual(["10.1.0.3"]);
  expect(store.find("next")).toEqual(["10.1.0.4"]);
});

test("a later use since boot frees nothing, however old", () => {
  using store = storeFixture({ bootTimeMs: boot });
  store.add("old", subnet);
  age(store, "10.1.0.2", before);
  store.add("next", subnet);
  expect(store.find("old")).toEqual(["10.1.0.2"]);
});

test("DEL of another container is a first use too", () => {
  using store = storeFixture({ bootTimeMs: boot });
  store.add("old", subnet);
  age(store, "10.1.0.2", before);
  forgetBoot(store);
  store.del("another");
  expect(Object.keys(store.files())).not.toContain("10.1.0.2");
});

test("a marker that was cut short counts as none", () => {
  using store = storeFixture({ bootTimeMs: boot });
  store.add("old", subnet);
  age(store, "10.1.0.2", before);
  writeFileSync(store.marker, "");
  store.add("next", subnet);
  expect(store.find("old")).toEqual([]);
});

test("lock and round robin are not taken for reservations", () => {
  using store = storeFixture({ bootTimeMs: boot });
  store.add("old", subnet);
  for (const name of ["10.1.0.2", "lock", "last_reserved_ip.0"]) age(store, name, before);
  forgetBoot(store);
  expect(store.add("next", subnet)).toEqual(["10.1.0.3/24"]);
  expect(Object.keys(store.files())).toEqual(["10.1.0.3", "last_reserved_ip.0", "lock"]);
});

test("what this boot's containers hold survives a lost marker on a real host's clock", () => {
  using store = storeFixture();
  store.add("running", subnet);
  forgetBoot(store);
  store.add("next", subnet);
  expect(store.find("running")).toEqual(["10.1.0.2"]);
});

test("without a place for the marker ADD is refused clearly, and DEL and CHECK go on", () => {
  using store = storeFixture();
  store.add("a", subnet);
  forgetBoot(store);
  writeFileSync(store.options.runDir, "a file stands where the directory would be");
  expect(() => store.add("b", subnet)).toThrow(/Cannot read ".*run\/ipam.*": a file stands/);
  expect(store.find("b")).toEqual([]);
  expect(store.find("a")).toEqual(["10.1.0.2"]);
  expect(store.del("a")).toEqual(["10.1.0.2"]);
});

test("the boot's moment is not after now, and not after the kernel's own", () => {
  const kernel = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]) * 1000;
  for (const directory of ["/dev/shm", "/tmp", "/nowhere"]) {
    expect(bootTimeMs(directory)).toBeGreaterThan(0);
    expect(bootTimeMs(directory)).toBeLessThanOrEqual(kernel);
  }
});
