/** The index is a hint: whatever happens to it or to the files, the files count. */
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { type StoreFixture, storeFixture } from "./store-fixture.ts";

const subnet = "10.1.0.0/24";

/** A store with containers c2 to c9 on the addresses of their numbers. */
function filled(): StoreFixture {
  const store = storeFixture();
  for (let n = 2; n <= 9; n++) store.add(`c${n}`, subnet);
  return store;
}

describe("what another program does without our index is seen at once", () => {
  test("a new reservation", () => {
    using store = filled();
    store.write("10.1.0.10", "foreign\r\neth0");
    expect(store.add("c11", subnet)).toEqual(["10.1.0.11/24"]);
    expect(store.del("foreign")).toEqual(["10.1.0.10"]);
  });

  test("a removed one", () => {
    using store = filled();
    rmSync(`${store.path}/10.1.0.5`);
    expect(store.find("c5")).toEqual([]);
    expect(store.add("c5", subnet)).toEqual(["10.1.0.10/24"]);
  });

  test("a moved one", () => {
    using store = filled();
    rmSync(`${store.path}/10.1.0.5`);
    store.write("10.1.0.77", "c5\r\neth0");
    expect(store.del("c5")).toEqual(["10.1.0.77"]);
  });

  test("within one tick of the clock after our own change", () => {
    using store = storeFixture();
    for (let n = 0; n < 50; n++) {
      store.add(`ours${n}`, "10.1.0.0/16");
      store.write(`10.1.77.${n}`, `theirs${n}\r\neth0`);
      expect(store.del(`theirs${n}`)).toEqual([`10.1.77.${n}`]);
    }
  });

  test("an owner changed in place", () => {
    using store = filled();
    store.write("10.1.0.5", "thief\r\neth0");
    expect(store.find("c5")).toEqual([]);
    expect(store.del("c5")).toEqual([]);
    expect(store.del("thief")).toEqual(["10.1.0.5"]);
  });

  test("the whole directory, removed and made anew", () => {
    using store = filled();
    rmSync(store.path, { recursive: true });
    expect(store.find("c5")).toEqual([]);
    expect(store.add("c5", subnet)).toEqual(["10.1.0.2/24"]);
    expect(store.find("c6")).toEqual([]);
  });

  test("a directory put in its place that bears the same time", () => {
    using store = filled();
    const time = new Date(1_700_000_000_000);
    rmSync(store.path, { recursive: true });
    mkdirSync(store.path);
    store.write("10.1.0.3", "c5\r\neth0");
    utimesSync(store.path, time, time);
    expect(store.find("c5")).toEqual(["10.1.0.3"]);
  });
});

describe("an index that is", () => {
  const damages: [string, (path: string) => void][] = [
    ["absent", (path) => rmSync(path)],
    ["empty", (path) => truncateSync(path)],
    ["cut in its header", (path) => truncateSync(path, 50)],
    ["cut after its header", (path) => truncateSync(path, 4096)],
    ["cut in a page", (path) => truncateSync(path, 10_000)],
    ["noise", (path) => writeFileSync(path, Buffer.alloc(20_480, "noise"))],
    ["zeros behind its header", (path) => damage(path, (bytes) => bytes.fill(0, 4096))],
    ["wrong in every page", (path) => damage(path, (bytes) => flip(bytes, 4096))],
    ["wrong in its header", (path) => damage(path, (bytes) => flip(bytes.subarray(0, 60), 0))],
    ["a directory", (path) => [rmSync(path, { recursive: true }), mkdirSync(path)]],
    ["a link to nowhere", (path) => [rmSync(path), symlinkSync("/nowhere/at/all", path)]],
  ];
  test.each(damages)("%s is built anew", (_name, doDamage) => {
    using store = filled();
    doDamage(store.index);
    expect(store.find("c5")).toEqual(["10.1.0.5"]);
    doDamage(store.index);
    expect(store.add("c10", subnet)).toEqual(["10.1.0.10/24"]);
    doDamage(store.index);
    expect(() => store.add("c10", subnet)).toThrow('"c10" has 10.1.0.10');
    doDamage(store.index);
    expect(store.del("c10")).toEqual(["10.1.0.10"]);
    expect(store.del("c10")).toEqual([]);
  });

  const damage = (path: string, change: (bytes: Buffer) => void) => {
    const bytes = readFileSync(path);
    change(bytes);
    writeFileSync(path, bytes);
  };
  const flip = (bytes: Uint8Array, from: number) => {
    for (let at = from; at < bytes.length; at++) bytes[at]! ^= 0x20;
  };

  test("older than the directory does not count, though it was saved whole", () => {
    using store = filled();
    const old = `${store.path}.old-index`;
    copyFileSync(store.index, old);
    store.add("c10", subnet);
    store.del("c5");
    copyFileSync(old, store.index);
    expect(store.find("c10")).toEqual(["10.1.0.10"]);
    copyFileSync(old, store.index);
    expect(store.find("c5")).toEqual([]);
    copyFileSync(old, store.index);
    expect(store.add("c11", subnet)).toEqual(["10.1.0.11/24"]);
  });

  test("of another boot does not count", () => {
    using store = filled();
    writeFileSync(store.marker, `${"0".repeat(32)} ${store.path}\n`);
    store.write("10.1.0.60", "x\r\neth0");
    expect(store.find("c5")).toEqual(["10.1.0.5"]);
    expect(store.find("x")).toEqual(["10.1.0.60"]);
  });

  test("impossible to write is done without", () => {
    using store = storeFixture();
    writeFileSync(store.options.stateDir, "a file stands where the directory would be");
    for (let n = 2; n <= 5; n++) expect(store.add(`c${n}`, subnet)).toEqual([`10.1.0.${n}/24`]);
    expect(store.del("c3")).toEqual(["10.1.0.3"]);
    expect(store.find("c4")).toEqual(["10.1.0.4"]);
  });

  test("true is believed: a change that it cannot know of stays unseen", () => {
    using store = filled();
    // In place, so that the directory stays as the index knows it.
    store.write("10.1.0.5", "hidden\r\neth0");
    expect(store.find("hidden")).toEqual([]);
  });
});

describe("files that are no reservations", () => {
  test("do not disturb, and stay", () => {
    using store = storeFixture();
    mkdirSync(store.path, { recursive: true });
    const others = {
      "10.1.0.02": "c1\r\neth0",
      "10.1.0": "c1\r\neth0",
      "fd00::0001": "c1\r\neth0",
      notes: "c1\r\neth0",
      "last_reserved_ip.7": "c1\r\neth0",
    };
    for (const [name, content] of Object.entries(others)) store.write(name, content);
    mkdirSync(`${store.path}/sub`);
    expect(store.find("c1")).toEqual([]);
    rmSync(`${store.path}/sub`, { recursive: true });
    expect(store.add("c1", subnet)).toEqual(["10.1.0.2/24"]);
    store.open().gc([{ containerId: "c1", ifName: "eth0" }]);
    expect(store.files()).toMatchObject(others);
  });

  test("but bear an address' name keep it taken", () => {
    using store = storeFixture();
    mkdirSync(`${store.path}/10.1.0.2`, { recursive: true });
    symlinkSync("/nowhere", `${store.path}/10.1.0.3`);
    store.write("10.1.0.4", "");
    store.write("10.1.0.5", "\0\u0001 garbage \uffff");
    expect(store.add("c1", subnet)).toEqual(["10.1.0.6/24"]);
  });

  test("and a round robin that is garbage starts anew", () => {
    using store = filled();
    for (const garbage of ["", "garbage", "10.1.0.300", "fd00::1", "10.2.0.9", "\0\0"]) {
      store.write("last_reserved_ip.0", garbage);
      store.del("c3");
      expect(store.add("c3", subnet)).toEqual(["10.1.0.3/24"]);
    }
    rmSync(`${store.path}/last_reserved_ip.0`);
    mkdirSync(`${store.path}/last_reserved_ip.0`);
    expect(() => store.add("c30", subnet)).toThrow("last_reserved_ip.0");
    expect(store.find("c30")).toEqual([]);
  });

  test("a write that was cut short is swept, and what it was linked to is kept", () => {
    using store = filled();
    store.write(".netloom.new", "half");
    store.del("c2");
    expect(Object.keys(store.files())).not.toContain(".netloom.new");
    // Killed between link and unlink: two names for one file.
    store.write("10.1.0.50", "c50\r\neth0");
    linkSync(`${store.path}/10.1.0.50`, `${store.path}/.netloom.new`);
    store.add("c51", subnet);
    expect(store.find("c50")).toEqual(["10.1.0.50"]);
    expect(Object.keys(store.files())).not.toContain(".netloom.new");
  });
});

const anyStep = fc.record({
  kind: fc.constantFrom("add", "add", "del", "foreign add", "foreign del", "lose index"),
  id: fc.integer({ min: 0, max: 12 }),
  host: fc.integer({ min: 1, max: 14 }),
});

test("any sequence of ours and others' steps leaves what a plain model says", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
      using store = storeFixture();
      mkdirSync(store.path, { recursive: true });
      const model = new Map<string, string>(); // address to container
      for (const { kind, id, host } of steps) {
        const containerId = `c${id}`;
        const address = `10.1.0.${host}`;
        const held = [...model].filter(([, owner]) => owner === containerId).map(([ip]) => ip);
        if (kind === "add") {
          const free = Array.from({ length: 13 }, (_, n) => n + 2).some(
            (n) => !model.has(`10.1.0.${n}`),
          );
          const add = () => store.add(containerId, "10.1.0.0/28");
          if (held.length > 0) expect(add).toThrow("already");
          else if (!free) expect(add).toThrow("No address is free");
          else {
            const given = add()[0]!.replace("/28", "");
            expect(model.has(given)).toBe(false);
            model.set(given, containerId);
          }
        } else if (kind === "del") {
          expect(store.del(containerId).sort()).toEqual(held.sort());
          for (const ip of held) model.delete(ip);
        } else if (kind === "foreign add" && !model.has(address)) {
          store.write(address, `${containerId}\r\neth0`);
          model.set(address, containerId);
        } else if (kind === "foreign del" && model.has(address)) {
          rmSync(`${store.path}/${address}`);
          model.delete(address);
        } else if (kind === "lose index") {
          rmSync(store.options.stateDir, { recursive: true, force: true });
        }
        expect(store.find(containerId).sort()).toEqual(
          [...model]
            .filter(([, owner]) => owner === containerId)
            .map(([ip]) => ip)
            .sort(),
        );
      }
    }),
    { numRuns: 40 },
  );
});
