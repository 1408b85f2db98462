/** `netloom store`, as an operator uses it, under a client that watches all the while. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { informer } from "../../src/api/client/informer.ts";
import { networkKind } from "../../src/api/kinds/network.ts";
import { ApiError } from "../../src/api/status-error.ts";
import { ControlPlane } from "./control-plane.ts";
import { EtcdCluster } from "./etcd-cluster.ts";

let plane: ControlPlane;
let cluster: EtcdCluster;
const lists = { gone: 0 };
const stop = new AbortController();
let watching: Promise<void>;
let names: () => string[];

beforeAll(async () => {
  [plane, cluster] = [new ControlPlane(), await EtcdCluster.start(1)];
  await plane.start();
  const kept = informer(plane.client.of(networkKind), {
    onError: (error) => {
      if (error instanceof ApiError && error.code === 410) lists.gone++;
    },
  });
  watching = kept.run(stop.signal);
  await kept.synced;
  names = () =>
    kept
      .list()
      .map(({ metadata }) => metadata.name)
      .sort();
});
afterAll(async () => {
  stop.abort();
  await watching;
  await plane.remove();
  await cluster[Symbol.asyncDispose]();
});

const usual = () => `sqlite:${plane.dir}/state/store.db`;
const backupFile = () => `${plane.dir}/backup`;
const namespace = "default";
const create = (name: string) =>
  plane.client.of(networkKind).create({
    ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Network", metadata: { name, namespace } },
    spec: { type: "bridge" },
  } as never);

/** Runs `netloom store`; gives what it said where it succeeds. */
async function store(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await plane.netloom("store", ...words);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

/** And where it is refused, its status too. */
async function refused(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await plane.netloom("store", ...words);
  expect(stdout).toBe("");
  return `${status} ${stderr}`;
}

async function watchedIs(...expected: readonly string[]): Promise<void> {
  const end = performance.now() + 30_000;
  while (names().join() !== expected.join() && performance.now() < end) await Bun.sleep(20);
  expect(names()).toEqual([...expected]);
}

test("a backup is made while the server runs, and a watch does not notice", async () => {
  await create("a");
  await watchedIs("a");
  expect(await store("backup", "backup")).toMatch(/^Backed up \d+ entries, at revision \d+\n$/);
  expect(statSync(backupFile()).mode & 0o777).toBe(0o600);
  await create("b");
  await watchedIs("a", "b");
  expect(lists.gone).toBe(0);
  const nowhere = `${plane.dir}/nowhere/backup`;
  expect(await refused("backup", nowhere)).toMatch(/^1 .*there is no folder ".*nowhere"/);
  expect(existsSync(`${plane.dir}/nowhere`)).toBe(false);
});

test("a server that runs has the store: neither restore nor migrate touch it", async () => {
  const message = /^4 netloom: Cannot open the store .*: another process has it .*End that one/;
  expect(await refused("restore", backupFile(), "--store", usual())).toMatch(message);
  expect(await refused("migrate", "--from", usual(), "--to", cluster.url)).toMatch(message);
  await watchedIs("a", "b");
});

test("SQLite to etcd: the watch gets 410, lists again, and goes on", async () => {
  await plane.stop();
  expect(await store("migrate", "--from", usual(), "--to", cluster.url)).toMatch(/^Copied \d+ /);
  await plane.start(cluster.url);
  await create("c");
  await watchedIs("a", "b", "c");
  expect(lists.gone).toBe(1);
});

test("etcd is refused while a server uses it, and what is not empty in any case", async () => {
  const fresh = `sqlite:${plane.dir}/fresh`;
  const used = /^4 netloom: Cannot copy the store in etcd: a server uses it.*Stop all servers/;
  expect(await refused("migrate", "--from", cluster.url, "--to", fresh)).toMatch(used);
  expect(await refused("restore", backupFile(), "--store", cluster.url)).toMatch(used);
  expect(existsSync(`${plane.dir}/fresh`)).toBe(false);
  await plane.stop();
  const full = /^4 netloom: Cannot fill the store .*: it is not empty: /;
  expect(await refused("restore", backupFile(), "--store", cluster.url)).toMatch(full);
  expect(await refused("restore", backupFile(), "--store", usual())).toMatch(full);
});

test("etcd to SQLite: the same", async () => {
  const back = `sqlite:${plane.dir}/back`;
  await store("migrate", "--from", cluster.url, "--to", back);
  await plane.start(back);
  await create("d");
  await watchedIs("a", "b", "c", "d");
  expect(lists.gone).toBe(2);
});

test.each([
  ["SQLite", () => `sqlite:${plane.dir}/restored`],
  ["etcd", () => cluster.url],
])("a backup restored into %s: what came after it is gone, also for the watch", async (_, url) => {
  const before = lists.gone;
  await plane.stop();
  await cluster.removeKeys("/netloom/");
  await store("restore", backupFile(), "--store", url());
  await plane.start(url());
  await watchedIs("a");
  expect(lists.gone).toBe(before + 1);
  await create("e");
  await watchedIs("a", "e");
});

test("what can't be read is told, and makes no store", async () => {
  const none = `sqlite:${plane.dir}/none`;
  expect(await refused("backup", "x", "--store", none)).toMatch(/^3 .*there is no such file/);
  expect(await refused("migrate", "--from", none, "--to", none)).toMatch(/^3 /);
  expect(await refused("backup", "x", "--store", "mysql:x")).toMatch(/^2 .*write "sqlite:/);
  expect(await refused("restore", "x")).toMatch(/^2 .*--store says which/);
  expect(await refused("backup")).toMatch(/^2 .*Name one file/);
  await Bun.write(`${plane.dir}/spoilt`, "{}\n");
  expect(await refused("restore", "spoilt", "--store", none)).toMatch(/^1 .*no file of format/);
  expect(existsSync(`${plane.dir}/none`)).toBe(false);
});
