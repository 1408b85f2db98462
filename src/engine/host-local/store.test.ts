/** Reserving and releasing: what is given, what is refused, and which files stand for it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ConflictError, ExhaustedError } from "../../ipam/errors.ts";
import { formatIp } from "../../lib/ip.ts";
import { ConfigError } from "../../model/config-error.ts";
import { openStore } from "./store.ts";
import { rangeSetsOf, storeFixture } from "./store-fixture.ts";

const dual = { ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00:0:0:1::/64" }]] };

describe("reserve", () => {
  test("writes the reference's files, with its names, contents and modes", () => {
    using store = storeFixture();
    expect(store.add("c1", dual)).toEqual(["10.1.0.2/24", "fd00:0:0:1::2/64"]);
    expect(store.files()).toEqual({
      "10.1.0.2": "c1\r\neth0",
      "fd00:0:0:1::2": "c1\r\neth0",
      "last_reserved_ip.0": "10.1.0.2",
      "last_reserved_ip.1": "fd00:0:0:1::2",
      lock: "",
    });
    expect(statSync(store.path).mode & 0o777).toBe(0o755);
    for (const name of ["10.1.0.2", "last_reserved_ip.0"]) {
      expect(statSync(`${store.path}/${name}`).mode & 0o777).toBe(0o600);
    }
    expect(statSync(`${store.path}/10.1.0.2`).nlink).toBe(1);
  });

  test("gives the gateway and the subnet's length", () => {
    using store = storeFixture();
    const { rangeSets } = rangeSetsOf({ subnet: "10.1.0.0/20", gateway: "10.1.0.9" });
    const given = store.open().reserve({ containerId: "c1", ifName: "eth0", rangeSets });
    expect(given).toEqual([{ address: "10.1.0.1/20", gateway: "10.1.0.9" }]);
  });

  test("goes round: a freed address is the last to be given again", () => {
    using store = storeFixture();
    const give = (id: string) => store.add(id, "10.1.0.0/29")[0];
    expect([give("a"), give("b")]).toEqual(["10.1.0.2/29", "10.1.0.3/29"]);
    store.del("a");
    expect([give("c"), give("d"), give("e")]).toEqual([
      "10.1.0.4/29",
      "10.1.0.5/29",
      "10.1.0.6/29",
    ]);
    expect(give("f")).toBe("10.1.0.2/29");
  });

  test("refuses a second reservation of the same container and link", () => {
    using store = storeFixture();
    store.add("c1", "10.1.0.0/24");
    const before = store.files();
    expect(() => store.add("c1", "10.1.0.0/24")).toThrow(ConflictError);
    expect(() => store.add("c1", "10.1.0.0/24")).toThrow('"c1" has 10.1.0.2 for "eth0" already');
    expect(store.files()).toEqual(before);
  });

  test("refuses it also when another address is asked for", () => {
    using store = storeFixture();
    store.add("c1", "10.1.0.0/24");
    const { rangeSets, requested } = rangeSetsOf("10.1.0.0/24", ["10.1.0.9"]);
    const again = { containerId: "c1", ifName: "eth0", rangeSets, requested };
    expect(() => store.open().reserve(again)).toThrow(ConflictError);
  });

  test("takes another link of the container, and other ranges for the same link", () => {
    using store = storeFixture();
    expect(store.add("c1", "10.1.0.0/24")).toEqual(["10.1.0.2/24"]);
    expect(store.add("c1", "10.1.0.0/24", "eth1")).toEqual(["10.1.0.3/24"]);
    expect(store.add("c1", "10.2.0.0/24")).toEqual(["10.2.0.2/24"]);
    expect(store.del("c1").sort()).toEqual(["10.1.0.2", "10.2.0.2"]);
    expect(store.find("c1", "eth1")).toEqual(["10.1.0.3"]);
  });

  test("gives a requested address and names its holder when it is taken", () => {
    using store = storeFixture();
    const { rangeSets, requested } = rangeSetsOf("10.1.0.0/24", ["10.1.0.9"]);
    const ask = (containerId: string) =>
      store.open().reserve({ containerId, ifName: "eth0", rangeSets, requested });
    expect(ask("c1")[0]?.address).toBe("10.1.0.9/24");
    expect(() => ask("c2")).toThrow(ConflictError);
    expect(() => ask("c2")).toThrow('10.1.0.9 is taken by container "c1"');
    expect(store.add("c3", "10.1.0.0/24")).toEqual(["10.1.0.10/24"]);
  });

  test("gives all or nothing: a set without a free address takes back the others'", () => {
    using store = storeFixture();
    const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/30" }]];
    store.add("c1", { ranges });
    const before = store.files();
    expect(() => store.add("c2", { ranges })).toThrow(ExhaustedError);
    expect<object>({ ...store.files(), "last_reserved_ip.0": "10.1.0.2" }).toEqual(before);
    expect(store.find("c2")).toEqual([]);
    store.del("c1");
    expect(store.add("c2", { ranges })).toEqual(["10.1.0.4/24", "10.2.0.2/30"]);
  });

  test("says which range is full, and how full, and is right about it", () => {
    using store = storeFixture();
    for (let n = 2; n <= 6; n++) store.add(`c${n}`, "10.1.0.0/29");
    const more = () => store.add("late", "10.1.0.0/29");
    expect(more).toThrow("No address is free in 10.1.0.1-10.1.0.6: 5 of 5 are reserved");
    store.del("c4");
    expect(more()).toEqual(["10.1.0.4/29"]);
  });

  test("becomes durable, and a failed one leaves nothing to wait for", async () => {
    using store = storeFixture();
    const open = store.open();
    const { rangeSets } = rangeSetsOf(dual);
    open.durable().finish();
    open.reserve({ containerId: "c1", ifName: "eth0", rangeSets });
    open.durable().finish();
    expect(() => open.reserve({ containerId: "c1", ifName: "eth0", rangeSets })).toThrow();
    open.durable().finish();
  });

  test("leaves no descriptor open", async () => {
    using store = storeFixture();
    store.add("warm", dual);
    const open = store.open();
    // The process closes descriptors of other tests meanwhile, so only the store's own count.
    const root = dirname(store.options.dataDir);
    const count = () => openFiles().filter((path) => path.startsWith(root)).length;
    open.durable().finish();
    await Bun.sleep(20);
    const before = count();
    for (let n = 0; n < 10; n++) {
      const each = store.open();
      const { rangeSets } = rangeSetsOf(dual);
      each.reserve({ containerId: `c${n}`, ifName: "eth0", rangeSets });
      expect(() => each.reserve({ containerId: `c${n}`, ifName: "eth0", rangeSets })).toThrow();
      each.durable().finish();
      store.find(`c${n}`);
      store.del(`c${n}`);
    }
    // Others in this process may have closed some of theirs meanwhile.
    expect(count()).toBeLessThanOrEqual(before);
  });
});

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

describe("release", () => {
  test("frees every address of the attachment, and no other", () => {
    using store = storeFixture();
    store.add("c1", dual);
    store.add("c2", dual);
    expect(store.del("c1").sort()).toEqual(["10.1.0.2", "fd00:0:0:1::2"]);
    expect(store.find("c1")).toEqual([]);
    expect(store.find("c2").sort()).toEqual(["10.1.0.3", "fd00:0:0:1::3"]);
    expect(Object.keys(store.files())).toContain("10.1.0.3");
  });

  test("of nothing succeeds, and makes no directory", () => {
    using store = storeFixture();
    expect(store.del("c1")).toEqual([]);
    expect(existsSync(store.path)).toBe(false);
    store.add("c2", "10.1.0.0/24");
    expect(store.del("c1")).toEqual([]);
    expect(store.del("c2", "eth1")).toEqual([]);
    expect(store.del("c2")).toEqual(["10.1.0.2"]);
    expect(store.del("c2")).toEqual([]);
  });

  test("frees an old record without link name, unless one with it was there", () => {
    using store = storeFixture();
    store.add("c1", "10.1.0.0/24");
    store.write("10.1.0.50", "c1");
    store.write("10.1.0.51", "c2\r\n");
    expect(store.del("c1")).toEqual(["10.1.0.2"]);
    expect(store.del("c1")).toEqual(["10.1.0.50"]);
    expect(store.del("c2", "whatever")).toEqual(["10.1.0.51"]);
    expect(Object.keys(store.files())).toEqual(["last_reserved_ip.0", "lock"]);
  });
});

describe("gc", () => {
  test("frees what no valid attachment holds", () => {
    using store = storeFixture();
    for (const id of ["a", "b", "c"]) store.add(id, dual);
    const freed = store.open().gc([{ containerId: "b", ifName: "eth0" }]);
    expect(freed.map(({ ip }) => formatIp(ip)).sort()).toEqual([
      "10.1.0.2",
      "10.1.0.4",
      "fd00:0:0:1::2",
      "fd00:0:0:1::4",
    ]);
    expect(store.find("b").length).toBe(2);
    expect(store.find("a")).toEqual([]);
    expect(store.add("d", dual)).toEqual(["10.1.0.5/24", "fd00:0:0:1::5/64"]);
  });

  test("tells links of one container apart", () => {
    using store = storeFixture();
    store.add("a", "10.1.0.0/24", "eth0");
    store.add("a", "10.1.0.0/24", "eth1");
    store.open().gc([{ containerId: "a", ifName: "eth1" }]);
    expect(store.find("a", "eth0")).toEqual([]);
    expect(store.find("a", "eth1")).toEqual(["10.1.0.3"]);
  });

  test("keeps an old record for any link of its container, and frees records of nobody", () => {
    using store = storeFixture();
    store.add("a", "10.1.0.0/24");
    store.write("10.1.0.50", "old");
    store.write("10.1.0.51", "gone");
    store.write("10.1.0.52", "");
    const freed = store.open().gc([{ containerId: "old", ifName: "net1" }]);
    expect(freed.map(({ ip }) => formatIp(ip)).sort()).toEqual([
      "10.1.0.2",
      "10.1.0.51",
      "10.1.0.52",
    ]);
    expect(Object.keys(store.files())).toEqual(["10.1.0.50", "last_reserved_ip.0", "lock"]);
  });

  test("with nobody valid removes everything that the store ever made", () => {
    using store = storeFixture();
    store.add("a", dual);
    store.open().gc([]);
    expect(existsSync(store.path)).toBe(false);
    expect(existsSync(store.options.dataDir)).toBe(true);
    expect(readdirSync(`${store.options.stateDir}/ipam`)).toEqual([]);
    expect(readdirSync(`${store.options.runDir}/ipam`)).toEqual([]);
    store.open().gc([]);
    expect(store.add("a", dual)).toEqual(["10.1.0.2/24", "fd00:0:0:1::2/64"]);
  });

  test("leaves the directory if somebody keeps other files in it", () => {
    using store = storeFixture();
    store.add("a", "10.1.0.0/24");
    store.write("notes", "mine");
    store.open().gc([]);
    expect(store.files()).toMatchObject({ notes: "mine" });
    expect(store.find("a")).toEqual([]);
  });
});

test("status counts what is reserved of each range set, gateways aside", () => {
  using store = storeFixture();
  const ipam = { ranges: [[{ subnet: "10.1.0.0/29" }], [{ subnet: "fd00::/64" }]] };
  store.add("a", ipam);
  store.add("b", ipam);
  store.write("10.9.0.1", "elsewhere");
  store.write("10.1.0.1", "the gateway itself");
  expect(store.open().status(rangeSetsOf(ipam).rangeSets)).toEqual([
    { ranges: "10.1.0.1-10.1.0.6", size: 5n, used: 2n },
    { ranges: "fd00::1-fd00::ffff:ffff:ffff:ffff", size: 2n ** 64n - 2n, used: 2n },
  ]);
});

test("networks are apart, and a name that leads elsewhere is refused", () => {
  using store = storeFixture();
  store.add("c1", "10.1.0.0/24");
  const other = openStore({ ...store.options, network: "other" });
  const { rangeSets } = rangeSetsOf("10.1.0.0/24");
  const given = other.reserve({ containerId: "c1", ifName: "eth0", rangeSets });
  expect(given[0]?.address).toBe("10.1.0.2/24");
  for (const network of ["", ".", "..", "../net", "a/b"]) {
    expect(() => openStore({ ...store.options, network })).toThrow(ConfigError);
  }
});
