/** Uplinks that are a VLAN of a trunk; and the move on the VM's older kernel. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PrivateHost } from "../host/private-host.ts";
import { has, needs } from "../support/kernel-features.ts";
import { shown, startEcho, underTraffic } from "./probe.ts";
import { attachment, carriedBy, lan, own, unreached, uplinkHost, uplinkNetwork } from "./stage.ts";

const ipamOf = (last: number) => ({
  type: "static",
  addresses: [{ address: `10.100.0.${last}/24` }, { address: `fd64::${last}/64` }],
});
const tagged = (host: PrivateHost, id: string, last: number) =>
  attachment(host, id, uplinkNetwork({ uplinkVlan: 100, ipam: ipamOf(last) }));
const ends = { lan: lan.netns, inside: own, outside: lan };
const inVlan = ["10.100.0.1", "fd64::1"];

let host: PrivateHost;

beforeAll(async () => {
  if (!has("vlan")) return;
  host = await uplinkHost(["blue", "red"]);
  await host.run([
    "sh",
    "-ec",
    `ip -n ${lan.netns} link add link eth0 name eth0.100 type vlan id 100
     ip -n ${lan.netns} addr add 10.100.0.1/24 dev eth0.100
     ip -n ${lan.netns} addr add fd64::1/64 dev eth0.100 nodad
     ip -n ${lan.netns} link set eth0.100 up`,
  ]);
}, 120_000);

afterAll(() => host?.close());

const subInterface = `${own.name}.100`;
const isThere = async (link: string) =>
  (await host.attempt(["ip", "link", "show", link])).exitCode === 0;

needs("vlan").test(
  "a VLAN of the uplink is made with the first container, shared, and goes with the last",
  async () => {
    const before = await carriedBy(host, own.name);
    const [blue, red] = [tagged(host, "blue", 5), tagged(host, "red", 6)];
    await blue.run("ADD");
    await red.run("ADD");
    expect(await unreached(host, "blue", [...inVlan, "10.100.0.6", "fd64::6"])).toEqual([]);
    expect(await unreached(host, lan.netns, ["10.100.0.5", "fd64::5"])).toEqual([]);
    await red.run("CHECK");
    // The host has its own address on the untagged network, and none in the VLAN.
    expect(await carriedBy(host, own.name)).toEqual(before);
    const addresses = await host.run(["ip", "-o", "addr", "show", "dev", "lan0"]);
    expect(addresses).toBe("");
    await blue.run("DEL");
    expect(await unreached(host, "red", inVlan)).toEqual([]);
    await red.run("DEL");
    expect(await isThere(subInterface)).toBe(false);
    expect(await carriedBy(host, own.name)).toEqual(before);
  },
  300_000,
);

needs("vlan").test(
  "a VLAN of the uplink that a reboot took is made again by the first ADD",
  async () => {
    const blue = tagged(host, "blue", 5);
    await blue.run("ADD");
    const script = `sed -i 's/"boot":"[^"]*"/"boot":"before"/' /var/lib/netloom/*/*.json
      ip link del ${subInterface}; ip link del lan0; rm -r /run/netloom
      ip netns del blue; ip netns add blue`;
    await host.run(["sh", "-ec", script]);
    const red = tagged(host, "red", 6);
    await red.run("ADD");
    expect(await unreached(host, "red", inVlan)).toEqual([]);
    await blue.run("DEL");
    expect(await unreached(host, "red", inVlan)).toEqual([]);
    await red.run("DEL");
    expect(await isThere(subInterface)).toBe(false);
  },
  300_000,
);

needs("vlan").test(
  "on an older kernel too the host moves to the bridge and back, and its traffic goes on",
  async () => {
    const before = await carriedBy(host, own.name);
    await startEcho(host, ends);
    const { outward, inward } = await underTraffic(host, ends, async () => {
      const blue = attachment(host, "blue");
      await blue.run("ADD");
      await blue.run("CHECK");
      expect(await unreached(host, "blue", [lan.ipv4, lan.ipv6, own.ipv4, own.ipv6])).toEqual([]);
      await blue.run("DEL");
    });
    console.log([shown("outward", outward), shown("inward", inward)].join("\n"));
    for (const flows of [outward, inward]) {
      for (const name of ["udp4", "udp6"]) expect(flows[name]!.gapMs).toBeLessThan(100);
      for (const name of ["tcp4", "tcp6"]) expect(flows[name]!.lost).toBe(0);
    }
    expect(await carriedBy(host, own.name)).toEqual(before);
  },
  300_000,
);

test("a VLAN is refused where the kernel has none, and leaves nothing", async () => {
  if (has("vlan")) return;
  const one = await uplinkHost(["blue"]);
  try {
    const before = await carriedBy(one, own.name);
    await expect(tagged(one, "blue", 5).run("ADD")).rejects.toThrow("vlan");
    expect(await carriedBy(one, own.name)).toEqual(before);
  } finally {
    await one.close();
  }
}, 30_000);
