/** A control plane with many watchers: each sees what it should, in order, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill } from "../../bench/control/fill.ts";
import {
  hostName,
  namespaceOf,
  networkName,
  networkOf,
  portName,
} from "../../bench/control/objects.ts";
import { mergePatch, root, type Served, serve } from "../../bench/control/served.ts";
import { small as size } from "../../bench/control/size.ts";
import { type Seen, Watcher } from "../../bench/control/watcher.ts";
import { openSqlite, type SqliteStore } from "../../src/control/store/sqlite.ts";
import { patient, rounds } from "../support/patience.ts";

const seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "netloom-scale-"));
let store: SqliteStore;
let served: Served;

beforeAll(async () => {
  store = openSqlite(join(folder, "store.db"));
  await fill(store, size);
  served = serve(store);
});
afterAll(async () => {
  served.end();
  await store.close();
  rmSync(folder, { recursive: true });
});

const perHost = size.ports / size.hosts;
const portsOf = (h: number) =>
  `${root}/namespaces/${namespaceOf(size, networkOf(size, h, 0))}/ports`;
const newPort = (h: number, name: string) => ({
  apiVersion: "netloom.dev/v1alpha1",
  kind: "Port",
  metadata: { name },
  spec: { network: networkName(networkOf(size, h, 0)), host: hostName(h) },
});

describe("what was filled in at once", () => {
  test("is listed whole, in pages and by label alike", async () => {
    const { items } = await served.call("GET", `${root}/ports`);
    expect(items).toHaveLength(size.ports);
    const paged: unknown[] = [];
    let next = "";
    do {
      const path = `${root}/ports?limit=300&continue=${encodeURIComponent(next)}`;
      const page = await served.call("GET", path);
      paged.push(...page.items);
      next = page.metadata.continue ?? "";
    } while (next);
    expect(paged).toEqual(items);
    const labelled = await served.call("GET", `${root}/ports?labelSelector=app%3Dapp-3`);
    expect(labelled.items).toEqual(
      items.filter((item: any) => item.metadata.labels.app === "app-3"),
    );
    const [first] = items;
    const { namespace, name } = first.metadata;
    expect(await served.call("GET", `${root}/namespaces/${namespace}/ports/${name}`)).toEqual(
      first,
    );
  });

  test("is what the server would have made of the same requests", async () => {
    const path = `${portsOf(7)}/${portName(7, 0)}`;
    const before = await served.call("GET", path);
    await served.call("DELETE", path);
    const made = await served.call("POST", portsOf(7), {
      ...newPort(7, portName(7, 0)),
      metadata: { name: portName(7, 0), labels: before.metadata.labels },
    });
    expect(made.spec).toEqual(before.spec);
    expect(Object.keys(made)).toEqual(Object.keys(before).filter((name) => name !== "status"));
    const { status } = before;
    const after = await served.call(
      "PATCH",
      `${path}/status?fieldManager=netloom-agent`,
      { status },
      mergePatch,
    );
    expect(after.status).toEqual(before.status);
    const fields = ({ metadata }: any) =>
      metadata.managedFields.map(({ manager, fieldsV1 }: any) => ({ manager, fieldsV1 }));
    expect(fields(after)).toEqual(fields(before));
  });
});

/** The same numbers for the same seed (a linear congruence, Numerical Recipes). */
function* numbers(from: number): Generator<number> {
  for (let state = from; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test(`of random changes each watcher sees its own, in order (seed ${seed})`, async () => {
  const random = numbers(seed);
  const pick = (count: number) => Math.floor(random.next().value! * count);
  const hosts = [0, 1, 2, 11, 49];
  const agents = hosts.map((h) => new Watcher(`${root}/hosts/${hostName(h)}/nodespec?watch=true`));
  const { metadata } = await served.call("GET", `${root}/ports?limit=1`);
  const plain = ["", "&labelSelector=mark"].map(
    (more) =>
      new Watcher(`${root}/ports?watch=true&resourceVersion=${metadata.resourceVersion}${more}`),
  );
  await Promise.all(agents.map((agent) => agent.open(served)));
  await Promise.all(plain.map((watcher) => watcher.follow(served)));
  const expected = new Map<Watcher, string[]>([...agents, ...plain].map((each) => [each, []]));
  const expectOf = (watcher: Watcher | undefined, type: string, name: string) => {
    if (watcher) expected.get(watcher)!.push(`${type} ${name}`);
  };
  const agentOf = (h: number) => agents[hosts.indexOf(h)];

  const changes: ((i: number) => Promise<void>)[] = [
    async (i) => {
      const h = pick(size.hosts);
      await served.call("POST", portsOf(h), newPort(h, `new-${i}`));
      for (const each of [agentOf(h), plain[0]]) expectOf(each, "ADDED", `new-${i}`);
      await served.call("DELETE", `${portsOf(h)}/new-${i}`);
      for (const each of [agentOf(h), plain[0]]) expectOf(each, "DELETED", `new-${i}`);
    },
    async (i) => {
      const h = hosts[pick(hosts.length)]!;
      const name = portName(h, size.networksPerHost * pick(perHost / size.networksPerHost));
      const path = `${portsOf(h)}/${name}`;
      const label = (mark: unknown) =>
        served.call("PATCH", path, { metadata: { labels: { mark } } }, mergePatch);
      await label(`m${i}`);
      await label(null);
      for (const each of [agentOf(h), plain[0]]) {
        expectOf(each, "MODIFIED", name);
        expectOf(each, "MODIFIED", name);
      }
      expectOf(plain[1], "ADDED", name);
      expectOf(plain[1], "DELETED", name);
    },
    async (i) => {
      const n = pick(size.networks);
      const path = `${root}/namespaces/${namespaceOf(size, n)}/networks/${networkName(n)}`;
      await served.call("PATCH", path, { metadata: { labels: { mark: `m${i}` } } }, mergePatch);
      for (const agent of agents) expectOf(agent, "MODIFIED", networkName(n));
    },
    async (i) => {
      // A port moves: who has it no more hears that it went.
      const [from, to] = [hosts[pick(hosts.length)]!, pick(size.hosts)];
      await served.call("POST", portsOf(from), newPort(from, `moves-${i}`));
      const path = `${portsOf(from)}/moves-${i}`;
      if (from !== to) {
        await served.call("PATCH", path, { spec: { host: hostName(to) } }, mergePatch);
      }
      await served.call("DELETE", path);
      const seenBy = (watcher: Watcher | undefined, types: string[]) => {
        for (const type of types) expectOf(watcher, type, `moves-${i}`);
      };
      seenBy(plain[0], from === to ? ["ADDED", "DELETED"] : ["ADDED", "MODIFIED", "DELETED"]);
      seenBy(agentOf(from), ["ADDED", "DELETED"]);
      if (from !== to) seenBy(agentOf(to), ["ADDED", "DELETED"]);
    },
  ];
  for (let i = 0; i < rounds(150); i++) await changes[pick(changes.length)]!(i);

  const ends = new Map<Watcher, Seen[]>();
  for (const [watcher, wanted] of expected) {
    const seen: Seen[] = [];
    const until = performance.now() + patient(10_000);
    while (seen.length < wanted.length && performance.now() < until) {
      seen.push(...watcher.take());
      await Bun.sleep(5);
    }
    ends.set(watcher, seen);
  }
  // Whoever hears too much may hear it a little later.
  await Bun.sleep(50);
  for (const [watcher, wanted] of expected) {
    const seen = [...ends.get(watcher)!, ...watcher.take()];
    expect(seen.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual(wanted);
    const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    await watcher.close();
  }
});
