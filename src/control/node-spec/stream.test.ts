/** What a node spec tells, and what a change costs those that are followed: reads are counted. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Feed } from "../objects/feed.ts";
import { referrerKey } from "../objects/keys.ts";
import { put } from "../store/exam.ts";
import { openSqlite, type SqliteStore } from "../store/sqlite.ts";
import { nodeSpecLines } from "./stream.ts";

let folder: string;
let store: SqliteStore;
let feed: Feed;
let end: AbortController;
let reads: number;
const hosts = Array.from({ length: 30 }, (_, i) => `host-${i}`);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-node-spec-"));
  store = openSqlite(join(folder, "store.db"));
  feed = new Feed(store);
  end = new AbortController();
  for (const name of hosts) await object("hosts", name);
  await object("networks", "blue", { type: "bridge" });
});
afterEach(async () => {
  end.abort();
  feed.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

function object(plural: string, name: string, spec: object = {}, labels: object = {}) {
  const kinds: Record<string, string> = { hosts: "Host", networks: "Network", ports: "Port" };
  const isClusters = plural === "hosts";
  const metadata = { name, uid: name, labels, ...(!isClusters && { namespace: "a" }) };
  const value = { apiVersion: "netloom.dev/v1alpha1", kind: kinds[plural], metadata, spec };
  const key = keyAt(`${plural}/${isClusters ? "" : "a/"}${name}`);
  return put(store, key, JSON.stringify(value));
}

/** Follows each host's node spec; gives what each has heard since. */
async function followAll(): Promise<Map<string, string[]>> {
  const heard = new Map<string, string[]>();
  for (const host of hosts) {
    const names: string[] = [];
    heard.set(host, names);
    const lines = nodeSpecLines({ store, feed }, { host }, end.signal);
    const listed = Promise.withResolvers<void>();
    void (async () => {
      for await (const text of lines) {
        for (const line of text.split("\n").filter(Boolean)) {
          const { type, object: of } = JSON.parse(line);
          if (type === "BOOKMARK") listed.resolve();
          else names.push(`${type} ${of.metadata.name}`);
        }
      }
    })();
    await listed.promise;
    names.length = 0;
  }
  while (feed.watchers < hosts.length) await Bun.sleep(1);
  for (const name of ["list", "get"] as const) {
    const read = store[name].bind(store) as (...words: any[]) => any;
    store[name] = (...words: any[]) => {
      reads++;
      return read(...words);
    };
  }
  reads = 0;
  return heard;
}

const settled = async (condition: () => boolean) => {
  while (!condition()) await Bun.sleep(1);
  while (feed.watchers < hosts.length) await Bun.sleep(1);
};

test("ports of one host are work for its node spec alone, and nothing is read anew", async () => {
  const heard = await followAll();
  const mine = heard.get("host-3")!;
  for (let i = 0; i < 10; i++) await object("ports", `p-${i}`, { network: "blue", host: "host-3" });
  await settled(() => mine.length === 10);
  expect([...heard].filter(([, names]) => names.length > 0).map(([host]) => host)).toEqual([
    "host-3",
  ]);
  expect(reads).toBe(0);
});

test("a network's change is a line for each host, and nothing is read anew", async () => {
  const heard = await followAll();
  await object("networks", "blue", { type: "bridge" }, { tier: "web" });
  await settled(() => [...heard.values()].every(({ length }) => length > 0));
  for (const names of heard.values()) expect(names).toEqual(["MODIFIED blue"]);
  expect(reads).toBe(0);
});

test("heartbeats and endpoints of others are lines to those alone whom they concern", async () => {
  const status = (name: string, bindings: readonly string[]) =>
    object("ports", name, { network: "over" }, {}).then(async () => {
      const key = keyAt(`ports/a/${name}`);
      const value = JSON.parse((await store.get(key))!.value);
      const active = bindings.map((host) => ({ host, epoch: 1, active: true }));
      const network = keyAt("networks/a/over");
      await put(store, referrerKey(network, key), "");
      for (const host of bindings) await put(store, referrerKey(keyAt(`hosts/${host}`), key), "");
      await put(store, key, JSON.stringify({ ...value, status: { bindings: active } }));
    });
  await object("networks", "over", { type: "overlay" });
  for (const host of ["host-1", "host-2"]) await status(`of-${host}`, [host]);
  const heard = await followAll();
  for (const host of hosts) await object("hosts", host, { unschedulable: true });
  await settled(() => [...heard.values()].every((names) => names.length > 0));
  for (const [host, names] of heard) expect(names.splice(0)).toEqual([`MODIFIED ${host}`]);
  reads = 0;
  const comes = JSON.stringify({
    ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Port" },
    metadata: { namespace: "a", name: "new", uid: "new" },
    spec: { network: "over" },
    status: { bindings: [{ host: "host-3", epoch: 1, active: true }] },
  });
  await put(store, keyAt("ports/a/new"), comes);
  const at = (host: string) => heard.get(host)!;
  await settled(() => at("host-1").length > 0 && at("host-2").length > 0);
  await settled(() => at("host-3").length > 1);
  expect(at("host-1")).toEqual(["ADDED new"]);
  // Its first port there: those of the others follow, which are read for it alone.
  expect(at("host-3").sort()).toEqual(["ADDED new"].concat(["ADDED of-host-1", "ADDED of-host-2"]));
  expect(reads).toBeLessThanOrEqual(3);
  const told = [...heard].filter(([, names]) => names.length > 0).map(([host]) => host);
  expect(told.sort()).toEqual(["host-1", "host-2", "host-3"]);
});

test("labels of one host are looked at for it alone", async () => {
  await object("networks", "red", {
    type: "bridge",
    hosts: { matchLabels: { rack: "one" } },
  });
  const heard = await followAll();
  await object("hosts", "host-5", {}, { rack: "one" });
  const mine = heard.get("host-5")!;
  await settled(() => mine.includes("ADDED red"));
  const ofOne = reads;
  expect(ofOne).toBeGreaterThan(0);
  // Networks, subnets and pools, a page each.
  expect(ofOne).toBeLessThanOrEqual(3);
  expect([...heard].filter(([, names]) => names.length > 0).map(([host]) => host)).toEqual([
    "host-5",
  ]);
});

/** As the API writes an object of a host: with the entry by which it is found. */
async function ownPort(host: string, name: string, turn = 1): Promise<void> {
  await object("ports", name, { network: "blue", host, turn });
  const [target, referrer] = [`hosts/${host}`, `ports/a/${name}`].map(keyAt);
  await put(store, referrerKey(target!, referrer!), "");
}

const keyAt = (path: string) => `/registry/netloom.dev/${path}`;

test("a listing is of one moment, whatever changes while it is read", async () => {
  await ownPort("host-1", "stays");
  await ownPort("host-1", "goes");
  await ownPort("host-1", "turns");
  const heard: string[] = [];
  const lines = nodeSpecLines({ store, feed }, { host: "host-1" }, end.signal);
  let isChanged = false;
  for await (const text of lines) {
    for (const line of text.split("\n").filter(Boolean)) {
      const { type, object: of } = JSON.parse(line);
      heard.push(`${type} ${of.metadata.name ?? ""} ${of.spec?.turn ?? ""}`.trim());
    }
    if (!isChanged) {
      isChanged = true;
      const goes = keyAt("ports/a/goes");
      const { revision } = (await store.get(goes))!;
      await store.commit([{ key: goes, revision }], [{ key: goes }]);
      await ownPort("host-1", "turns", 2);
      await ownPort("host-1", "comes");
    }
    if (heard.includes("ADDED comes 1")) break;
  }
  const ports = heard.filter((each) => /goes|turns|stays|comes|BOOKMARK/.test(each));
  expect(ports).toEqual([
    ...["ADDED goes 1", "ADDED stays 1", "ADDED turns 1", "BOOKMARK"],
    ...["DELETED goes 1", "MODIFIED turns 2", "ADDED comes 1"],
  ]);
});
