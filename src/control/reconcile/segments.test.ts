/** Networks that span hosts get their identifiers and MTUs. */
import { expect, test } from "bun:test";
import type { Store } from "../store/store.ts";
import { manager, reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";
import { claimVni } from "./vnis.ts";

const { world, create, all, one, status, beside } = reconciled();

const overlay = (name: string, more: object = {}) =>
  create("Network", { name }, { type: "overlay", ...more });
const vniOf = async (name: string) => (await one("Network", name))?.status?.vni;
const mtuOf = async (name: string) => (await one("Network", name))?.status?.mtu;

async function underlay(name: string, mtu: number, labels: object = {}): Promise<void> {
  await create("Host", { name, labels });
  await underlayOf(name, mtu);
}

async function underlayOf(name: string, mtu: number): Promise<void> {
  await status("Host", name, {
    underlay: [
      { address: "192.0.2.1", prefixLength: 24, mtu },
      { address: "2001:db8::1", prefixLength: 64, mtu: mtu - 100 },
    ],
  });
}

test("overlays, and routed networks by VXLAN, have an identifier of their own", async () => {
  await overlay("a");
  await create("Network", { name: "b" }, { type: "routed" });
  await create("Network", { name: "c" }, { type: "routed", backend: "host-gw" });
  await create("Network", { name: "d" }, { type: "bridge" });
  await until(async () => (await vniOf("a")) && (await vniOf("b")));
  await until(async () => (await mtuOf("c")) !== undefined);
  const given = [await vniOf("a"), await vniOf("b")];
  expect(new Set(given)).toEqual(new Set([4097, 4098]));
  expect([await vniOf("c"), await vniOf("d")]).toEqual([undefined, undefined]);
});

test("an identifier is free with its network, and not given again at once", async () => {
  await overlay("a");
  await until(async () => (await vniOf("a")) === 4097);
  await world.objects.delete(kindOf("Network"), { namespace: "default", name: "a" }, {});
  await until(async () => (await world.store.list("/vnis/")).entries.length === 0);
  await overlay("b");
  await until(async () => (await vniOf("b")) === 4098);
});

const change = (name: string, spec: object) =>
  world.objects.update(
    kindOf("Network"),
    { namespace: "default", name },
    (live) => ({ ...live, spec: { ...(live.spec as object), ...spec } }),
    { manager },
  );
const conditionOf = async (name: string, type: string) =>
  (await one("Network", name))?.status?.conditions?.find((each: any) => each.type === type);
const told = (name: string, type: string, reason: string) =>
  until(async () => {
    const condition = await conditionOf(name, type);
    return condition?.reason === reason && condition;
  });

test("a routed network that leaves VXLAN frees its identifier, and has another when back", async () => {
  await create("Network", { name: "a" }, { type: "routed" });
  await until(async () => (await vniOf("a")) === 4097);
  await change("a", { backend: "host-gw" });
  await until(async () => (await vniOf("a")) === undefined);
  await until(async () => (await world.store.list("/vnis/")).entries.length === 0);
  await change("a", { backend: "vxlan" });
  await until(async () => (await vniOf("a")) === 4098);
  expect((await world.store.get("/vnis/00004098"))?.value).toBe(
    (await one("Network", "a"))!.metadata.uid,
  );
});

test("an identifier that is about to be freed is claimed anew before it is given back", async () => {
  const { objects, store } = world;
  const named = { metadata: { uid: "x" }, status: undefined } as never;
  const context = { objects, nowMs: Date.now };
  expect(await claimVni(context, named)).toBe(4097);
  const before = (await store.get("/vnis/00004097"))!;
  expect(await claimVni(context, named)).toBe(4097);
  const { key, revision } = before;
  expect(await store.commit([{ key, revision }], [{ key }])).toBeUndefined();
});

test("after the last identifier come those that are free from the first on", async () => {
  const { objects, store } = world;
  const last = 2 ** 24 - 1;
  await store.commit([], [{ key: "/last-vni", value: String(last - 1) }]);
  const claim = (uid: string) =>
    claimVni({ objects, nowMs: Date.now }, { metadata: { uid }, status: undefined } as never);
  await store.commit([], [{ key: "/vnis/00004097", value: "other" }]);
  expect(await claim("a")).toBe(last);
  expect(await claim("b")).toBe(4098);
  expect(await claim("c")).toBe(4099);
});

test("two servers that reconcile at once give each network one identifier of its own", async () => {
  beside();
  const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
  await Promise.all(names.map((name) => overlay(name)));
  await until(async () =>
    (await all("Network")).every(({ status }) => status?.vni && status.mtu && status.conditions),
  );
  const { entries } = await world.store.list("/vnis/");
  const claimed = entries.map(({ key, value }) => `${Number(key.slice(6))} ${value}`);
  const shown = (await all("Network")).map(
    ({ metadata, status }) => `${status.vni} ${metadata.uid}`,
  );
  expect(shown.sort()).toEqual(claimed.sort());
  expect(new Set(entries.map(({ value }) => value)).size).toBe(20);
});

test("a network without identifier is not ready, and is once it has one", async () => {
  const { store } = world;
  // Nobody can be given one meanwhile.
  const release = holdVnis(store);
  await overlay("a");
  await create("Subnet", { name: "a" }, { network: "a", cidr: "10.1.0.0/24" });
  expect(await told("a", "Ready", "NoVni")).toMatchObject({ status: "False" });
  release();
  expect(await told("a", "Ready", "Usable")).toMatchObject({ status: "True" });
});

test("an MTU that did not fit is told to fit once it does", async () => {
  await underlay("h1", 1500);
  await overlay("a", { mtu: 1500 });
  expect(await told("a", "MtuFits", "TooLarge")).toMatchObject({ status: "False" });
  await underlayOf("h1", 9000);
  expect(await told("a", "MtuFits", "Fits")).toMatchObject({ status: "True" });
});

/** Until the result is called nobody claims an identifier: reads of claims wait. */
function holdVnis(store: Store): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const list = store.list.bind(store);
  store.list = async (prefix, options) => {
    if (prefix === "/vnis/") await promise;
    return list(prefix, options);
  };
  return resolve;
}

test("two servers at once give no identifier twice", async () => {
  const networks = Array.from({ length: 30 }, (_, i) => ({
    metadata: { uid: `uid-${i}` },
    status: undefined,
  }));
  const { objects } = world;
  const claim = (network: object) => claimVni({ objects, nowMs: Date.now }, network as never);
  const given = await Promise.all([...networks, ...networks].map(claim));
  expect(new Set(given.slice(0, 30)).size).toBe(30);
  // Whoever was ended before it told of one finds it again.
  expect(await Promise.all(networks.map(claim))).toEqual(given.slice(0, 30));
});

test("a store that lacks the claim of an identifier takes it from the network", async () => {
  const { objects, store } = world;
  const named = { metadata: { uid: "x" }, status: { vni: 5000 } };
  const context = { objects, nowMs: Date.now };
  expect(await claimVni(context, named as never)).toBe(5000);
  expect((await store.get("/vnis/00005000"))?.value).toBe("x");
  // Another's stays another's.
  const other = { metadata: { uid: "y" }, status: { vni: 5000 } };
  expect(await claimVni(context, other as never)).not.toBe(5000);
});

test("after a restore without claims a new network gets none that an older one shows", async () => {
  const { objects, store } = world;
  await create("Network", { name: "old" }, { type: "bridge" });
  await status("Network", "old", { vni: 4099 });
  await store.commit(
    [{ key: "/vnis/00005001", revision: 0 }],
    [{ key: "/vnis/00005001", value: "ghost" }],
  );
  const fresh = { metadata: { uid: "fresh" }, status: undefined };
  expect(await claimVni({ objects, nowMs: Date.now }, fresh as never)).toBe(4100);
  await overlay("next");
  await until(async () => (await store.get("/vnis/00005001")) === undefined);
});

test("the MTU is what fits on all hosts of the network, of its family", async () => {
  await overlay("all");
  await until(async () => (await mtuOf("all")) === 1450);
  await underlay("h1", 9000);
  await underlay("h2", 1600, { rack: "one" });
  await overlay("wide", { underlayProtocol: "ipv6" });
  await overlay("few", { hosts: { matchLabels: { "kubernetes.io/hostname": "h1" } } });
  await until(async () => (await mtuOf("all")) === 1550);
  await until(async () => (await mtuOf("wide")) === 1430);
  await until(async () => (await mtuOf("few")) === 8950);
  await overlay("asked", { mtu: 1551 });
  await until(async () => (await one("Network", "asked"))?.status?.conditions?.length > 0);
  const found = async () =>
    (await one("Network", "asked"))?.status?.conditions?.find(
      ({ type }: { type: string }) => type === "MtuFits",
    );
  await until(async () => (await found()) !== undefined);
  expect(await found()).toMatchObject({ status: "False", reason: "TooLarge" });
  expect((await found()).message).toContain('1551 bytes don\'t fit on host "h2"');
});
