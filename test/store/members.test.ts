/** A store in etcd while members die, freeze and come back, and while history is forgotten. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EtcdOptions, openEtcd } from "../../src/control/store/etcd.ts";
import { EtcdClient, etcdLimits } from "../../src/control/store/etcd-client.ts";
import { put } from "../../src/control/store/exam.ts";
import { Observer } from "../../src/control/store/observer.ts";
import {
  CompactedError,
  type EventBatch,
  type Store,
  StoreUnavailableError,
} from "../../src/control/store/store.ts";
import { EtcdCluster, makeAuthority, makeCertificate, readTls } from "./etcd-cluster.ts";

const size = 3;
const key = "members/counter";
const ticks = { everyMs: 500 };
let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await EtcdCluster.start(size);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Prefers this member. */
const by = (member: number, more: Partial<EtcdOptions> = {}): EtcdOptions => {
  const { endpoints, tls } = cluster.options;
  const ordered = [...endpoints.slice(member), ...endpoints.slice(0, member)];
  return { endpoints: ordered, tls, ticks, ...more };
};

/** Counts up until disposed of; of an unknown outcome it looks what came of it. */
class Writer {
  readonly #store: Store;
  readonly done: Promise<{ revision: number; value: string }>;
  #stopped = false;
  count = 0;
  /** Of the last commit that was acknowledged. */
  revision = 0;

  constructor(store: Store) {
    this.#store = store;
    this.done = this.#write();
  }

  stop() {
    this.#stopped = true;
    return this.done;
  }

  /** Until so many more commits were acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.count + count;
    while (this.count < goal) await Promise.race([Bun.sleep(5), this.done]);
  }

  async #write() {
    for (;;) {
      try {
        const entry = await this.#store.get(key);
        if (this.#stopped && entry) return entry;
        const value = String(Number(entry?.value ?? 0) + 1);
        const revision = entry?.revision ?? 0;
        const made = await this.#store.commit([{ key, revision }], [{ key, value }]);
        if (made === undefined) continue;
        this.revision = made;
        this.count++;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
      }
    }
  }
}

/** Nothing missed, nothing invented: each event takes over where the last one left. */
function expectChain(batches: readonly EventBatch[], first: string | undefined): void {
  let [value, revision] = [first, 0];
  for (const batch of batches) {
    expect(batch.events).toHaveLength(1);
    const event = batch.events[0]!;
    expect(event.previous).toBe(value);
    expect(Number(event.value)).toBe(Number(value ?? 0) + 1);
    expect(event.revision).toBeGreaterThan(revision);
    [value, revision] = [event.value, event.revision];
  }
}

/** Watches by member 0 and writes by member 1 while `work` is done. */
async function whileWatched(
  work: (writer: Writer, observer: Observer) => Promise<void>,
): Promise<void> {
  const watching = await openEtcd(by(0));
  const writing = await openEtcd(by(1));
  try {
    const before = await watching.get(key);
    const { revision } = await watching.list(key);
    using observer = new Observer(watching, key, revision);
    await observer.caughtUp();
    const writer = new Writer(writing);
    await writer.more(20);
    await work(writer, observer);
    await writer.more(20);
    const last = await writer.stop();
    const batches = await observer.until(last.revision);
    expect(batches.at(-1)?.events[0]?.value).toBe(last.value);
    expectChain(batches, before?.value);
  } finally {
    await Promise.all([watching.close(), writing.close()]);
  }
}

async function restart(member: number): Promise<void> {
  cluster.run(member);
  await cluster.healthy(member);
}

describe("a watch misses nothing and invents nothing", () => {
  test("when its member is killed and started again", async () => {
    await whileWatched(async (writer) => {
      await cluster.kill(0);
      await writer.more(20);
      await restart(0);
    });
  });

  test("when its member freezes", async () => {
    await whileWatched(async (writer, observer) => {
      cluster.freeze(0);
      await writer.more(20);
      await observer.until(writer.revision);
      cluster.thaw(0);
    });
  });

  test("when the leader is killed, and commits go on", async () => {
    await whileWatched(async (writer) => {
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await writer.more(50);
      await restart(leader);
    });
  });

  test("when each member in turn is killed and started again", async () => {
    await whileWatched(async (writer) => {
      for (let member = 0; member < size; member++) {
        await cluster.kill(member);
        await writer.more(10);
        await restart(member);
        await writer.more(10);
      }
    });
  });
});

describe("forgetting", () => {
  test("leaves who keeps up alone, and tells who does not", async () => {
    const small = { batches: 8, size: 10_000, progressMs: 1000 };
    const store = await openEtcd(by(0, { feed: small }));
    using observer = new Observer(store, "forget/", await put(store, "forget/a", "0"));
    await observer.caughtUp();
    // Only now: what the feed remembers may begin later, and a stream of one's own has it all.
    const start = await put(store, "forget/a", "1");
    const stop = new AbortController();
    const slow = store.watch("forget/", start, stop.signal)[Symbol.asyncIterator]();
    await put(store, "forget/a", "2");
    await slow.next();
    let last = 0;
    for (let i = 3; i <= 60; i++) {
      last = await put(store, "forget/a", String(i));
      if (i % 20 === 0) {
        await observer.until(last);
        await store.compact(last);
      }
    }
    const values = (await observer.until(last)).map(({ events }) => events[0]?.value);
    expect(values).toEqual(Array.from({ length: 60 }, (_, i) => String(i + 1)));
    const read = async () => {
      for (;;) await slow.next();
    };
    await expect(read()).rejects.toThrow(CompactedError);
    stop.abort();
    await store.close();
  });

  test("is done from time to time, and a quiet watch goes on", async () => {
    const store = await openEtcd(by(0, { ticks: { everyMs: 100, keep: 3 } }));
    const start = await put(store, "tick/a", "0");
    using observer = new Observer(store, "tick/", start);
    const isForgotten = async () => {
      try {
        await store.list("tick/", { revision: start });
        return false;
      } catch (error) {
        if (error instanceof CompactedError) return true;
        throw error;
      }
    };
    while (!(await isForgotten())) await Bun.sleep(50);
    const last = await put(store, "tick/a", "1");
    expect(await observer.until(last)).toHaveLength(1);
    await store.close();
  });
});

describe("what can't be reached is named with the remedy", () => {
  const limits = { tryMs: 1500, deadlineMs: 3000 };

  test("etcd without most of its members, and with them all goes on", async () => {
    const store = await openEtcd(by(0, { limits }));
    await put(store, "quorum/a", "1");
    await Promise.all([cluster.kill(1), cluster.kill(2)]);
    const error = await put(store, "quorum/a", "2").catch((error) => error);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    await expect(store.get("quorum/a")).rejects.toThrow(StoreUnavailableError);
    for (const member of [1, 2]) cluster.run(member);
    for (const member of [1, 2]) await cluster.healthy(member);
    await put(store, "quorum/a", "3");
    expect((await store.get("quorum/a"))?.value).toBe("3");
    await store.close();
  });

  test("nobody at the address", async () => {
    const open = openEtcd({ endpoints: ["https://127.0.0.1:1"], limits });
    await expect(open).rejects.toThrow(StoreUnavailableError);
    await expect(open).rejects.toThrow(/"https:\/\/127.0.0.1:1".*see that it runs/);
  });

  test("certificates of another authority", async () => {
    makeAuthority(cluster.dir, "other");
    const other = readTls(makeCertificate(cluster.dir, "other", "stranger"));
    const { endpoints, tls } = cluster.options;
    const wrong = [other, { ...other, ca: tls?.ca }, { ca: tls?.ca }];
    for (const tls of wrong) {
      const open = openEtcd({ endpoints, tls, limits: { tryMs: 1500, deadlineMs: 0 } });
      await expect(open).rejects.toThrow(StoreUnavailableError);
      await expect(open).rejects.toThrow(/look at addresses and certificates/);
    }
  });
});

test("an etcd that is full says so and what to do, is read, and goes on when its alarm is off", async () => {
  const store = await openEtcd(by(0));
  const { endpoints, tls } = cluster.options;
  const client = new EtcdClient(endpoints, tls ?? {}, etcdLimits);
  const members = (await client.call("cluster/member/list", {}, true)).members as { ID: string }[];
  const alarm = (action: "ACTIVATE" | "DEACTIVATE") =>
    client.call("maintenance/alarm", { action, memberID: members[0]!.ID, alarm: "NOSPACE" }, true);
  try {
    const before = await put(store, "full/a", "1");
    await alarm("ACTIVATE");
    const error = await put(store, "full/a", "2").catch((error) => error);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.message).toMatch(/etcd is full: compact and defragment it, then disarm/);
    expect(await store.get("full/a")).toEqual({ key: "full/a", value: "1", revision: before });
    await alarm("DEACTIVATE");
    using observer = new Observer(store, "full/", before);
    const after = await put(store, "full/a", "3");
    expect((await observer.until(after)).map(({ events }) => events[0]!.value)).toEqual(["3"]);
  } finally {
    await alarm("DEACTIVATE");
    await store.close();
  }
});
