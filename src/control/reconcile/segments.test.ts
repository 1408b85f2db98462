/** Networks that span hosts get their identifiers and MTUs. */
import { expect, test } from "bun:test";
import { reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";
import { claimVni } from "./vnis.ts";

const { world, create, one, status } = reconciled();

const overlay = (name: string, more: object = {}) =>
  create("Network", { name }, { type: "overlay", ...more });
const vniOf = async (name: string) => (await one("Network", name))?.status?.vni;
const mtuOf = async (name: string) => (await one("Network", name))?.status?.mtu;

async function underlay(name: string, mtu: number, labels: object = {}): Promise<void> {
  await create("Host", { name, labels });
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
