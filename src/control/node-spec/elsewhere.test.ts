/** What a node spec tells of other hosts, and of whom nothing is left behind. */
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

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-elsewhere-"));
  store = openSqlite(join(folder, "store.db"));
  feed = new Feed(store);
  end = new AbortController();
});
afterEach(async () => {
  end.abort();
  feed.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const keyAt = (path: string) => `/registry/netloom.dev/${path}`;
const kinds: Readonly<Record<string, string>> = {
  ...{ hosts: "Host", networks: "Network", subnets: "Subnet" },
  ...{ ports: "Port", ipblocks: "IPBlock" },
  ...{ bgppeers: "BGPPeer", bgpconfigurations: "BGPConfiguration" },
};

/** As the API writes it: with the entries by which it is found. */
async function object(path: string, { labels, ...more }: any, refers: readonly string[] = []) {
  const [plural = "", ...rest] = path.split("/");
  const name = rest.at(-1)!;
  const metadata = { name, uid: name, ...(rest.length > 1 && { namespace: rest[0] }) };
  if (labels) Object.assign(metadata, { labels });
  const value = { apiVersion: "netloom.dev/v1alpha1", kind: kinds[plural], metadata, ...more };
  for (const target of refers) await put(store, referrerKey(keyAt(target), keyAt(path)), "");
  return put(store, keyAt(path), JSON.stringify(value));
}
async function remove(path: string): Promise<void> {
  const key = keyAt(path);
  const { revision } = (await store.get(key))!;
  await store.commit([{ key, revision }], [{ key }]);
}

const host = (
  name: string,
  address = `10.0.0.${name.slice(1)}`,
  { heartbeat = "0", ...more }: { heartbeat?: string; publicKey?: string } = {},
) => {
  const underlay = address === "" ? [] : [{ address, prefixLength: 24, mtu: 1500 }];
  return object(`hosts/${name}`, { spec: {}, status: { heartbeat, underlay, ...more } });
};
const silent = (name: string) => {
  const underlay = [{ address: `10.0.0.${name.slice(1)}`, prefixLength: 24, mtu: 1500 }];
  const conditions = [{ type: "Ready", status: "False", reason: "Silent", message: "" }];
  return object(`hosts/${name}`, { spec: {}, status: { heartbeat: "0", underlay, conditions } });
};
const network = (name: string, spec: object) => object(`networks/a/${name}`, { spec });

/** A port, active on these hosts with epochs 1, 2, … */
function port(name: string, hosts: readonly string[], more: Record<string, any> = {}) {
  const { on = "blue", claimed, ...status } = more;
  const bindings = hosts.map((each, i) => ({ host: each, epoch: i + 1, active: true }));
  const addresses = [{ address: "10.1.0.5", subnet: "s", ...(claimed && { claimed }) }];
  return object(
    `ports/a/${name}`,
    { spec: { network: on, host: "elsewhere" }, status: { bindings, addresses, ...status } },
    [`networks/a/${on}`, ...hosts.map((each) => `hosts/${each}`)],
  );
}
const block = (name: string, of: string) =>
  object(
    `ipblocks/${name}`,
    { spec: { subnet: { namespace: "a", name: "s" }, cidr: "10.1.0.0/26", host: of } },
    ["subnets/a/s"],
  );

const derived = /^(HostPeer|Endpoint|BlockRoute|BGP\w+) /;

/** Follows a node spec: gives its lines of other hosts, and what they come to. */
async function follow(name: string, revision?: number) {
  const lines: string[] = [];
  const known = new Map<string, any>();
  const listed = Promise.withResolvers<void>();
  let at = revision ?? 0;
  if (revision !== undefined) listed.resolve();
  const asked = { host: name, ...(revision !== undefined && { revision }) };
  void (async () => {
    for await (const text of nodeSpecLines({ store, feed }, asked, end.signal)) {
      for (const line of text.split("\n").filter(Boolean)) {
        const { type, object: of } = JSON.parse(line);
        if (type === "BOOKMARK") {
          at = Number(of.metadata.resourceVersion);
          listed.resolve();
        }
        const key = `${of.kind} ${of.metadata.name}`;
        if (!derived.test(key)) continue;
        lines.push(`${type} ${key}`);
        if (type === "DELETED") known.delete(key);
        else known.set(key, of);
      }
    }
  })();
  await listed.promise;
  lines.length = 0;
  while (feed.watchers < 1) await Bun.sleep(1);
  return { lines, known, names: () => [...known.keys()].sort(), at: () => at };
}
type Followed = Awaited<ReturnType<typeof follow>>;

/** Once the stream has told all that there is up to now. */
async function settled(heard: Followed): Promise<void> {
  let before = -1;
  while (before !== heard.lines.length) {
    before = heard.lines.length;
    await Bun.sleep(30);
  }
}
const news = async (heard: Followed) => {
  await settled(heard);
  return heard.lines.splice(0);
};

test("a listing tells of other hosts, their ports and their blocks before its bookmark", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await host("h3", "");
  await network("blue", { type: "overlay" });
  await network("red", { type: "routed" });
  await object("subnets/a/s", { spec: { network: "red", cidr: "10.1.0.0/24" } });
  await port("mine", ["h1"]);
  await port("theirs", ["h2"], { mac: "02:00:00:00:00:01" });
  await port("nowhere", []);
  await port("fixed", ["h2"], { on: "red", claimed: true });
  await port("usual", ["h2"], { on: "red" });
  await block("b1", "h1");
  await block("b2", "h2");
  await block("free", "");
  const heard = await follow("h1");
  expect(heard.names()).toEqual([
    ...["BlockRoute b2", "Endpoint fixed", "Endpoint theirs", "HostPeer h2"],
  ]);
  expect(heard.known.get("Endpoint theirs")).toMatchObject({
    metadata: { namespace: "a", name: "theirs", uid: "theirs" },
    spec: {
      ...{ network: "a/blue", host: "h2", epoch: 1, mac: "02:00:00:00:00:01" },
      addresses: ["10.1.0.5"],
    },
  });
  expect(heard.known.get("BlockRoute b2").spec).toEqual({
    ...{ network: "a/red", cidr: "10.1.0.0/26", host: "h2" },
  });
});

test("a host without networks that span hosts is told of nobody", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("blue", { type: "bridge" });
  await port("mine", ["h1"]);
  await port("theirs", ["h2"]);
  const heard = await follow("h1");
  await host("h2", "10.0.0.9");
  expect(await news(heard)).toEqual([]);
});

test("a peer is told again only when it is reached otherwise", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("blue", { type: "overlay" });
  const heard = await follow("h1");
  await host("h2", "10.0.0.2", { heartbeat: "1" });
  expect(await news(heard)).toEqual([]);
  await host("h2", "10.0.0.9", { heartbeat: "2" });
  expect(await news(heard)).toEqual(["MODIFIED HostPeer h2"]);
  await host("h2", "10.0.0.9", { heartbeat: "3", publicKey: "a key" });
  expect(await news(heard)).toEqual(["MODIFIED HostPeer h2"]);
  expect(heard.known.get("HostPeer h2").spec.publicKey).toBe("a key");
  await remove("hosts/h2");
  expect(await news(heard)).toEqual(["DELETED HostPeer h2"]);
});

test("that a host is silent, and is heard again, is one line each, however many ports it has", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("blue", { type: "overlay" });
  for (const name of ["mine", "more"]) await port(name, ["h1"]);
  for (let i = 0; i < 20; i++) await port(`p${i}`, ["h2"]);
  const heard = await follow("h1");
  const told = () => heard.known.get("HostPeer h2").spec.silent;
  expect(told()).toBe(undefined);
  await silent("h2");
  expect([await news(heard), told()]).toEqual([["MODIFIED HostPeer h2"], true]);
  await silent("h2");
  expect(await news(heard)).toEqual([]);
  await host("h2");
  expect([await news(heard), told()]).toEqual([["MODIFIED HostPeer h2"], undefined]);
});

test("endpoints come with the host's first port on their network, and go with its last", async () => {
  await network("blue", { type: "overlay" });
  await port("theirs", ["h2"]);
  const heard = await follow("h1");
  expect(heard.names()).toEqual([]);
  await port("mine", ["h1"]);
  expect(await news(heard)).toEqual(["ADDED Endpoint theirs"]);
  await port("more", ["h3"]);
  await port("mine", []);
  expect((await news(heard)).sort()).toEqual([
    ...["ADDED Endpoint more", "DELETED Endpoint more", "DELETED Endpoint theirs"],
  ]);
  await port("theirs", ["h3"]);
  expect(await news(heard)).toEqual([]);
});

test("of a port that moves the higher epoch counts, and what is as before is not told", async () => {
  await network("blue", { type: "overlay" });
  await port("mine", ["h1"]);
  const heard = await follow("h1");
  await port("p", ["h2"]);
  await port("p", ["h2"], { conditions: [] });
  await port("p", ["h2", "h3"]);
  expect(await news(heard)).toEqual(["ADDED Endpoint p", "MODIFIED Endpoint p"]);
  expect(heard.known.get("Endpoint p").spec).toMatchObject({ host: "h3", epoch: 2 });
  await port("p", ["h2", "h3", "h1"]);
  expect(await news(heard)).toEqual(["DELETED Endpoint p"]);
});

test("whoever ceases to have a network, or comes back late, keeps nothing of it", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("red", { type: "routed" });
  await object("subnets/a/s", { spec: { network: "red", cidr: "10.1.0.0/24" } });
  await block("b2", "h2");
  await port("fixed", ["h2"], { on: "red", claimed: true });
  const heard = await follow("h1");
  const all = ["BlockRoute b2", "Endpoint fixed", "HostPeer h2"];
  expect(heard.names()).toEqual(all);
  const since = heard.at();
  await network("red", { type: "routed", hosts: { matchLabels: { rack: "two" } } });
  await settled(heard);
  expect(heard.names()).toEqual([]);
  const resumed = await follow("h1", since);
  expect((await news(resumed)).sort()).toEqual(all.map((each) => `DELETED ${each}`));
  await network("red", { type: "routed" });
  await settled(heard);
  expect(heard.names()).toEqual(all);
});

test("a block that goes to another host is told of as that one's, one that is free as gone", async () => {
  await network("red", { type: "routed" });
  await object("subnets/a/s", { spec: { network: "red", cidr: "10.1.0.0/24" } });
  const heard = await follow("h1");
  for (const of of ["h2", "h3", "", "h2", "h1"]) await block("b", of);
  expect((await news(heard)).map((each) => each.split(" ")[0])).toEqual([
    ...["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"],
  ]);
});

const bgpPeer = (name: string, hosts?: object) =>
  object(`bgppeers/${name}`, { spec: { address: "10.0.0.99", asNumber: 65000, hosts } });

test("what BGP follows from comes with the first network of that backend, and goes with it", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("red", { type: "routed", backend: "vxlan" });
  await bgpPeer("all");
  await bgpPeer("others", { matchLabels: { rack: "two" } });
  await object("bgpconfigurations/default", { spec: { asNumber: 64513 } });
  const heard = await follow("h1");
  expect(heard.names()).toEqual(["HostPeer h2"]);
  await network("red", { type: "routed", backend: "bgp" });
  expect((await news(heard)).sort()).toEqual([
    ...["ADDED BGPConfiguration default", "ADDED BGPNeighbor h2", "ADDED BGPPeer all"],
  ]);
  expect(heard.known.get("BGPNeighbor h2").spec).toEqual({
    labels: { "kubernetes.io/hostname": "h2" },
    addresses: [{ address: "10.0.0.2", prefixLength: 24 }],
  });
  await object("hosts/h1", { spec: {}, status: {}, labels: { rack: "two" } });
  expect(await news(heard)).toEqual(["ADDED BGPPeer others"]);
  await network("red", { type: "routed", backend: "vxlan" });
  expect((await news(heard)).every((each) => each.startsWith("DELETED BGP"))).toBe(true);
  expect(heard.names()).toEqual(["HostPeer h2"]);
});

test("a label of another host wakes those alone that speak BGP", async () => {
  for (const name of ["h1", "h2"]) await host(name);
  await network("red", { type: "routed", backend: "bgp" });
  const heard = await follow("h1");
  expect(heard.names()).toEqual(["BGPNeighbor h2", "HostPeer h2"]);
  const underlay = [{ address: "10.0.0.2", prefixLength: 24, mtu: 1500 }];
  await object("hosts/h2", { spec: {}, status: { underlay }, labels: { rr: "yes" } });
  expect(await news(heard)).toEqual(["MODIFIED BGPNeighbor h2"]);
});
