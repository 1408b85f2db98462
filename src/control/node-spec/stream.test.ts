/** What a change costs the node specs that are followed: reads of the store are counted. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Feed } from "../objects/feed.ts";
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
  const key = `/registry/netloom.dev/${plural}/${isClusters ? "" : "a/"}${name}`;
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
