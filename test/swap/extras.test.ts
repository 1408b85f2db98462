/** What the reference's chained plugins changed is checked and put back by ours. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { NetworkList } from "../support/cni-call.ts";
import { type Attached, SwappedHost } from "./swapped-host.ts";

let here: SwappedHost | undefined;
afterEach(() => here?.host.remove());

const mac = "02:11:22:33:44:55";

/** A list with `added` behind a bridge. */
function listOf(host: SwappedHost, added: Readonly<Record<string, unknown>>): NetworkList {
  const ranges = [[{ subnet: "10.87.0.0/24" }], [{ subnet: "fd87::/64" }]];
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  const ipam = { type: "host-local", dataDir: `${host.host.dir}/data`, ranges, routes };
  const bridge = { type: "bridge", bridge: "br87", isGateway: true, ipam };
  return { cniVersion: "1.1.0", name: "extra", plugins: [bridge, added] };
}

/** DEL of what was added alone, so that the link can be looked at. */
function withoutFirst(one: Attached): Attached {
  return { ...one, list: { ...one.list, plugins: one.list.plugins.slice(1) } };
}

async function link(one: Attached): Promise<Record<string, unknown>> {
  const text = await here!.host.shell("ip -j -d link show dev eth0", one.netns);
  const [{ address, mtu, txqlen, flags }] = JSON.parse(text);
  const has = (flag: string) => flags.includes(flag);
  return { address, mtu, txqlen, promisc: has("PROMISC"), allmulti: has("ALLMULTI") };
}

const settings = { mac, mtu: 1400, promisc: true, allmulti: true, txQLen: 77 };

async function tuned(more: object = {}): Promise<Attached> {
  here = await SwappedHost.create("1.9.1");
  const dataDir = `${here.host.dir}/tuning`;
  return here.attach("one", listOf(here, { type: "tuning", dataDir, ...settings, ...more }));
}

test("a link that the reference tuned passes our CHECK and is put back by our DEL", async () => {
  const one = await tuned();
  here!.swap();
  expect((await here!.call("CHECK", one)).stdout).toBe("");
  await here!.host.shell("ip link set eth0 mtu 1300", one.netns);
  expect((await here!.call("CHECK", one)).json.msg).toContain('settings of link "eth0"');
  const file = `${here!.host.dir}/tuning/one_eth0.json`;
  expect(existsSync(file)).toBe(true);
  expect((await here!.call("DEL", withoutFirst(one))).stdout).toBe("");
  const after = await link(one);
  expect(after.address).not.toBe(mac);
  expect(after).toMatchObject({ mtu: 1500, txqlen: 1000, promisc: false, allmulti: false });
  expect(existsSync(file)).toBe(false);
  expect((await here!.call("DEL", one)).ok).toBe(true);
});

test("the reference's file of a link goes with the link's namespace", async () => {
  const one = await tuned();
  here!.swap();
  await here!.host.shell(`ip netns pids ${one.netns} | xargs -r kill; ip netns del ${one.netns}`);
  expect((await here!.call("DEL", one, { container: undefined })).stdout).toBe("");
  expect(existsSync(`${here!.host.dir}/tuning/one_eth0.json`)).toBe(false);
});

test("the rules of the reference's sbr go with our DEL", async () => {
  here = await SwappedHost.create("1.9.1");
  const one = await here.attach("one", listOf(here, { type: "sbr" }));
  here.swap();
  const rules = () => here!.host.shell("ip rule; ip -6 rule", one.netns);
  expect(await rules()).toContain(`from ${one.ip4} lookup 100`);
  expect((await here.call("CHECK", withoutFirst(one))).json?.msg).toBeUndefined();
  expect((await here.call("DEL", withoutFirst(one))).stdout).toBe("");
  expect(await rules()).not.toContain("lookup 10");
  expect((await here.call("DEL", one)).ok).toBe(true);
});
