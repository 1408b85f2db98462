/** `host-device`: a device of the host's goes into a container and comes back as it was. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { type CniCommand, callPlugin } from "../support/cni-call.ts";
import { ourDir, referenceDir } from "../support/reference.ts";
import { TestHost } from "../support/test-host.ts";

type Keys = Readonly<Record<string, unknown>>;

let host: TestHost;
let container: string;
beforeEach(async () => {
  host = await TestHost.create();
  container = await host.addContainer();
});
afterEach(() => host.remove());

const mac = "02:aa:bb:cc:dd:01";
/** A pair stands for the device: a card of the machine's is not a test's to take. */
const pair = `ip link add dev0 address ${mac} mtu 1400 type veth peer name far
  ip link set far up
  ip addr add 10.9.0.1/24 dev dev0; ip addr add fd09::1/64 dev dev0 nodad
  ip link set dev0 up
  ip route add 192.0.2.0/24 via 10.9.0.7 metric 77
  ip -6 route add 2001:db8:9::/48 via fd09::7
  ip route add 198.18.0.0/15 dev dev0 table 55`;
const child = `ip link add link uplink name dev0 address ${mac} type macvlan
  ip addr add 10.9.0.1/24 dev dev0; ip link set dev0 up`;

/** What the host has of the device, in words; without what the kernel makes in its own time. */
const state = `ip -d -br link show dev dev0 | sed 's/@[^ ]*//'
  ip -o addr show dev dev0 scope global | sed 's/^[0-9]*: //'
  ip route show table all dev dev0 | grep -v '^\\(local\\|broadcast\\)' | sort
  ip -6 route show table all dev dev0 | grep -v 'fe80\\|ff00\\|^\\(local\\|anycast\\|multicast\\)' | sort
  cat /sys/class/net/dev0/mtu 2>/dev/null || ip -o link show dev dev0 | grep -o 'mtu [0-9]*'`;

const look = () => host.shell(`${state}; true`);

async function call(command: CniCommand, more: Keys = {}, plugins = ourDir()) {
  const { env, ...keys } = more as { env?: any } & Keys;
  const config = { cniVersion: "1.1.0", name: "net", type: "host-device", device: "dev0", ...keys };
  return callPlugin({
    ...{ host, plugins, command, type: "host-device", containerId: "one" },
    ...{ config, container, ...env },
  });
}

const ipam = {
  type: "static",
  addresses: [{ address: "10.5.0.9/24", gateway: "10.5.0.1" }, { address: "fd05::9/64" }],
  routes: [{ dst: "0.0.0.0/0" }],
};

describe.each([
  ["a pair", pair],
  ["a macvlan", child],
])("%s", (_, script) => {
  test("gets the container's name and addresses, and comes back with all that it had", async () => {
    await host.shell(script);
    const before = await look();
    const added = await call("ADD", { ipam });
    expect(added.json?.interfaces, added.stdout).toEqual([
      { name: "eth0", mac, mtu: expect.any(Number), sandbox: `/var/run/netns/${container}` },
    ]);
    const inside = await host.shell("ip -br addr show dev eth0; ip route", container);
    expect(inside).toContain("UP");
    expect(inside).toContain("10.5.0.9/24");
    expect(inside).toContain("fd05::9/64");
    expect(inside).toContain("default via 10.5.0.1");
    expect((await call("CHECK", { ipam, prevResult: added.json })).stdout).toBe("");
    expect((await call("DEL", { ipam, prevResult: added.json })).stdout).toBe("");
    expect(await look()).toBe(before);
    expect((await call("DEL", { ipam })).stdout).toBe("");
    expect(await look()).toBe(before);
  });
});

test("routers' advertisements of the container stay in it unless it is a router", async () => {
  const rules = () => host.shell("nft list ruleset", container);
  await host.shell(pair);
  for (const [raGuard, said] of [[undefined, true] as const, [false, false] as const]) {
    expect((await call("ADD", { ipam, raGuard })).json?.ips).toHaveLength(2);
    expect((await rules()).includes("nd-router-advert drop")).toBe(said);
    expect((await call("DEL", { ipam, raGuard })).stdout).toBe("");
    expect(await rules()).toBe("");
  }
});

test("a device that was down and bare comes back down and bare", async () => {
  await host.shell("ip link add dev0 type veth peer name far; ip link set dev0 alias mine");
  const before = await look();
  const added = await call("ADD");
  expect(added.ok, added.stdout).toBe(true);
  expect((await call("DEL")).stdout).toBe("");
  expect(await look()).toBe(before);
  expect(await host.shell("ip link show dev dev0")).toContain("alias mine");
});

test("a device that was in a bridge comes back into it", async () => {
  await host.shell(`ip link add br9 type bridge; ip link add dev0 type veth peer name far
    ip link set dev0 master br9 up`);
  expect((await call("ADD")).ok).toBe(true);
  expect((await call("DEL")).stdout).toBe("");
  expect(await host.shell("ip -br link show master br9")).toContain("dev0");
});

test("what the container changed is undone: name, hardware address, MTU, state", async () => {
  await host.shell(pair);
  const before = await look();
  await call("ADD");
  await host.shell(
    "ip link set eth0 down; ip link set eth0 name data address 02:00:00:00:00:77 mtu 1300",
    container,
  );
  expect(
    (
      await call("CHECK", {
        prevResult: {
          cniVersion: "1.1.0",
          interfaces: [{ name: "eth0", sandbox: `/var/run/netns/${container}` }],
        },
      })
    ).json.code,
  ).toBe(103);
  expect((await call("DEL")).stdout).toBe("");
  expect(await look()).toBe(before);
});

test("a pair that died with its namespace is gone, and DEL succeeds", async () => {
  await host.shell(pair);
  await call("ADD");
  await host.shell(`ip netns del ${container}`);
  expect((await call("DEL", { env: { container: undefined } })).stdout).toBe("");
  expect(readdirSync(`${host.dir}/state/attachments`)).toEqual([]);
});

test("a device that came back under another name gets its own again", async () => {
  await host.shell(pair);
  const before = await look();
  await call("ADD");
  // As the kernel does with hardware when its namespace dies: name and mark as in the container.
  await host.shell(`ip link set eth0 netns /var/run/netns/${host.netns}`, container);
  await host.shell(`ip netns del ${container}`);
  expect(await host.shell("ip -br link")).toContain("eth0");
  expect((await call("DEL", { env: { container: undefined } })).stdout).toBe("");
  expect(await look()).toBe(before);
});

test("a device whose name is taken meanwhile stays, is told of, and comes back later", async () => {
  await host.shell(pair);
  const before = await look();
  await call("ADD");
  await host.shell("ip link add dev0 type veth peer name other");
  const refused = await call("DEL");
  expect(refused.json.msg).toContain('Cannot give link "dev0" back');
  await host.shell("ip link del dev0");
  expect((await call("DEL")).stdout).toBe("");
  expect(await look()).toBe(before);
});

test("an ADD that fails gives the device back", async () => {
  await host.shell(pair);
  const before = await look();
  const routes = [{ dst: "192.0.2.0/24", gw: "172.31.0.1" }];
  const answer = await call("ADD", { ipam: { ...ipam, routes } });
  expect(answer.ok).toBe(false);
  expect(await look()).toBe(before);
  expect(await host.shell("ip -br link", container)).not.toContain("eth0");
});

test("GC gives back the device of a container that nobody knows", async () => {
  await host.shell(pair);
  const before = await look();
  await call("ADD");
  const answer = await call("GC", {
    "cni.dev/valid-attachments": [],
    env: { container: undefined },
  });
  expect(answer.stdout).toBe("");
  expect(await look()).toBe(before);
});

test("an ADD that was killed is made good by the next ADD, or by DEL", async () => {
  await host.shell(pair);
  const before = await look();
  await call("ADD");
  // As after a kill: the container's link is not yet named, the record is there.
  await host.shell("ip link set eth0 down; ip link set eth0 name half", container);
  const again = await call("ADD");
  expect(again.ok, again.stdout).toBe(true);
  expect((await call("DEL")).stdout).toBe("");
  expect(await look()).toBe(before);
});

test("a device is found by its hardware address", async () => {
  await host.shell(pair);
  const added = await call("ADD", { device: "", hwaddr: mac.toUpperCase() });
  expect(added.json?.interfaces?.[0]?.mac, added.stdout).toBe(mac);
  expect((await call("DEL", { device: "", hwaddr: mac })).stdout).toBe("");
  expect(await look()).toContain("10.9.0.1/24");
});

test("a device that the reference took goes home by our DEL, and ours by the reference's", async () => {
  await host.shell(pair);
  expect((await call("ADD", {}, referenceDir("1.9.1"))).ok).toBe(true);
  expect((await call("DEL")).stdout).toBe("");
  expect(await host.shell("ip -br link")).toContain("dev0");
  expect((await call("ADD")).ok).toBe(true);
  expect((await call("DEL", {}, referenceDir("1.9.1"))).ok).toBe(true);
  expect(await host.shell("ip -br link")).toContain("dev0");
  expect(existsSync(`${host.dir}/state`)).toBe(true);
});

test("type netloom takes the device with what is added to it", async () => {
  await host.shell(pair);
  const before = await look();
  const config = {
    ...{ cniVersion: "1.1.0", name: "net", type: "netloom", driver: "host-device", device: "dev0" },
    ...{ ipam, tuning: { mtu: 1350, mac: "02:00:00:00:00:55", promisc: true } },
  };
  const base = { host, plugins: ourDir(), type: "netloom", containerId: "one", container, config };
  const added = await callPlugin({ ...base, command: "ADD" });
  expect(added.json?.interfaces?.[0], added.stdout).toMatchObject({
    mac: "02:00:00:00:00:55",
    mtu: 1350,
  });
  const checked = { ...config, prevResult: added.json };
  expect((await callPlugin({ ...base, command: "CHECK", config: checked })).stdout).toBe("");
  expect((await callPlugin({ ...base, command: "DEL" })).stdout).toBe("");
  expect(await look()).toBe(before);
});
