/** Clearing away the stores that nobody uses. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { clearUnusedStores } from "./clear.ts";
import { storeFixture } from "./store-fixture.ts";

const subnet = "10.1.0.0/24";

test("a store without reservations goes with all its files", () => {
  using store = storeFixture();
  store.add("a", subnet);
  store.del("a");
  expect(clearUnusedStores(store.options)).toEqual([store.path]);
  expect(existsSync(store.path)).toBe(false);
  expect(readdirSync(`${store.options.stateDir}/ipam`)).toEqual([]);
  expect(readdirSync(`${store.options.runDir}/ipam`)).toEqual([]);
  expect(clearUnusedStores(store.options)).toEqual([]);
});

test("one with a reservation stays whole", () => {
  using store = storeFixture();
  store.add("a", subnet);
  expect(clearUnusedStores(store.options)).toEqual([]);
  expect(store.find("a")).toEqual(["10.1.0.2"]);
  expect(existsSync(store.index)).toBe(true);
});

test("one is found by its index alone, and by its marker alone", () => {
  for (const lost of ["stateDir", "runDir"] as const) {
    using store = storeFixture();
    store.add("a", subnet);
    store.del("a");
    rmSync(store.options[lost], { recursive: true });
    expect(clearUnusedStores(store.options)).toEqual([store.path]);
    expect(existsSync(store.path)).toBe(false);
  }
});

test("files that name no store go, and those of a store that is gone", () => {
  using store = storeFixture();
  store.add("a", subnet);
  rmSync(store.path, { recursive: true });
  for (const folder of [store.options.stateDir, store.options.runDir]) {
    writeFileSync(`${folder}/ipam/0123456789abcdef`, "garbage");
  }
  clearUnusedStores(store.options);
  expect(readdirSync(`${store.options.stateDir}/ipam`)).toEqual([]);
  expect(readdirSync(`${store.options.runDir}/ipam`)).toEqual([]);
});

test("nothing was ever used: nothing to do", () => {
  using store = storeFixture();
  expect(clearUnusedStores(store.options)).toEqual([]);
  mkdirSync(`${store.options.stateDir}/ipam`, { recursive: true });
  expect(clearUnusedStores(store.options)).toEqual([]);
});
