/** Copies of a store in etcd, and how a store goes on that was copied to. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyExam } from "../../src/control/store/copy-exam.ts";
import { openEtcd } from "../../src/control/store/etcd.ts";
import { exam, put } from "../../src/control/store/exam.ts";
import { backup, migrate, restore } from "../../src/control/store/migrate.ts";
import { Observer } from "../../src/control/store/observer.ts";
import { openStore } from "../../src/control/store/open.ts";
import { type Store, StoreUnavailableError } from "../../src/control/store/store.ts";
import { EtcdCluster } from "./etcd-cluster.ts";

const dir = mkdtempSync(join(tmpdir(), "netloom-copies-"));
let files = 0;
const file = () => join(dir, String(++files));
const sqlite = () => `sqlite:${file()}`;
let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await EtcdCluster.start(1);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});
/** As an operator empties etcd for another try: what tells the base of revisions stays behind. */
afterEach(() => cluster.removeKeys("/netloom/"));

const filledAt = (url: () => string) => async (work: (store: Store) => Promise<void>) => {
  const place = url();
  const store = await openStore(place);
  await work(store);
  await store.close();
  return place;
};
const inEtcd = () => cluster.url;

describe("from SQLite to etcd", () => {
  const empty = async () => {
    await cluster.removeKeys("/netloom/");
    return cluster.url;
  };
  copyExam({ file, filled: filledAt(sqlite), empty });

  test("and back, entries are the same", async () => {
    const [there, back] = [file(), file()];
    const from = await filledAt(sqlite)(async (store) => {
      for (let i = 0; i < 300; i++) await put(store, `key/${i}`, `${i}`);
    });
    expect((await migrate(from, cluster.url)).entries).toBe(300);
    await backup(cluster.url, there);
    const final = sqlite();
    await migrate(cluster.url, final);
    await backup(final, back);
    const textOf = async (path: string) => (await Bun.file(path).text()).split("\n").slice(1);
    expect(await textOf(there)).toEqual(await textOf(back));
  });
});

describe("from etcd to SQLite", () => {
  copyExam({ file, filled: filledAt(inEtcd), empty: async () => sqlite() });
});

describe("in etcd, after a restore into it", () => {
  let first = true;
  exam(async () => {
    if (first) {
      const backedUp = file();
      await backup(
        await filledAt(sqlite)(async (store) => void (await put(store, "a", "1"))),
        backedUp,
      );
      await cluster.removeKeys("/netloom/");
      await restore(backedUp, cluster.url);
      first = false;
    }
    return openEtcd(cluster.options);
  });
});

describe("who has the store open while it is restored", () => {
  test("is told, by commits and watches", async () => {
    const backedUp = file();
    await backup(
      await filledAt(sqlite)(async (store) => void (await put(store, "a", "1"))),
      backedUp,
    );
    const watching = await openEtcd(cluster.options);
    const writing = await openEtcd(cluster.options);
    using observer = new Observer(watching, "", (await watching.list("")).revision);
    await observer.caughtUp();
    await restore(backedUp, cluster.url);
    await expect(observer.until(Infinity)).rejects.toThrow(/start this server again/);
    await expect(watching.list("")).rejects.toThrow(StoreUnavailableError);
    await expect(put(writing, "b", "1")).rejects.toThrow(/start this server again/);
    await expect(writing.get("b")).rejects.toThrow(StoreUnavailableError);
    await Promise.all([watching.close(), writing.close()]);
  });
});

test("a restore that was cut short is refused until it is removed", async () => {
  await cluster.putKey("/netloom.filling", "1");
  await expect(openStore(cluster.url)).rejects.toThrow(/restore into it was cut short/);
  await cluster.removeKeys("/netloom");
  const store = await openStore(cluster.url);
  await put(store, "a", "1");
  await store.close();
});
