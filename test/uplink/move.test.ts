/** A bridge takes its uplink's place and gives it back, and the host's traffic goes on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PrivateHost } from "../host/private-host.ts";
import { type Flows, shown, startEcho, underTraffic } from "./probe.ts";
import { attachment, carriedBy, lan, own, unreached, uplinkHost } from "./stage.ts";

const ends = { lan: lan.netns, inside: own, outside: lan };

let host: PrivateHost;
let before: string[];

/** What hosts have on their uplinks beside an address and a default route. */
const furnished = `
ip link set ${own.name} addrgenmode eui64
ip addr add 198.51.100.3/24 dev ${own.name} label ${own.name}:b
ip addr add 198.51.100.130/25 dev ${own.name} noprefixroute scope link
ip addr add 10.9.9.1 peer 10.9.9.2/32 dev ${own.name}
ip addr add 198.51.100.4/24 dev ${own.name} metric 300
ip addr add 2001:db8:1::3/64 dev ${own.name} nodad preferred_lft 0
ip addr add 2001:db8:1::4/128 dev ${own.name} noprefixroute
ip addr add fe80::77/64 dev ${own.name} nodad
ip route add 203.0.113.0/24 via ${lan.ipv4} src 198.51.100.3 metric 7 mtu 1400 advmss 1300
ip route add 203.0.113.0/24 via ${lan.ipv4} metric 8 table 1000 proto static
ip route add 203.0.114.0/24 via 192.0.2.77 dev ${own.name} onlink
ip route add 203.0.115.0/24 tos 0x10 dev ${own.name} scope link
ip route add 203.0.116.0/24 nexthop via ${lan.ipv4} dev ${own.name} weight 3 nexthop dev lo weight 1
ip -6 route add 2001:db8:9::/64 via ${lan.ipv6} metric 5 pref high
ip -6 route add 2001:db8:a::/64 via fe80::99 dev ${own.name} src 2001:db8:1::3 table 1000
ip -6 route add 2001:db8:b::/64 dev ${own.name} metric 12 mtu 1300
ip -6 route add 2001:db8:c::/64 nexthop via ${lan.ipv6} weight 2 nexthop via fe80::98 dev ${own.name}
ip rule add iif ${own.name} lookup 1000 priority 900
ip rule add oif ${own.name} fwmark 0x10/0xff lookup 1000 priority 901
ip -6 rule add iif ${own.name} lookup 1000 priority 902
ip neigh add 198.51.100.99 lladdr 02:00:00:00:00:99 dev ${own.name} nud permanent
ip neigh add 2001:db8:1::99 lladdr 02:00:00:00:00:99 dev ${own.name} nud permanent
ip neigh add proxy 198.51.100.98 dev ${own.name}`;

beforeAll(async () => {
  host = await uplinkHost(["blue", "red"]);
  await host.run(["sh", "-ec", furnished]);
  await host.until(["sh", "-c", `! ip addr show dev ${own.name} | grep -q tentative`]);
  await startEcho(host, ends);
  before = await carriedBy(host, own.name);
}, 30_000);

afterAll(() => host?.close());

/** Longest that the host may be without its network. */
const mostMs = 100;

function expectUncut(flows: Flows): void {
  for (const name of ["udp4", "udp6"]) expect(flows[name]!.gapMs).toBeLessThan(mostMs);
  // A stream that lost a segment waits for its repetition, which is no matter of ours.
  for (const name of ["tcp4", "tcp6"]) expect(flows[name]!.lost).toBe(0);
}

async function measured(what: string, work: () => Promise<void>): Promise<void> {
  const { outward, inward } = await underTraffic(host, ends, work);
  console.log([shown(`${what}, outward`, outward), shown(`${what}, inward`, inward)].join("\n"));
  expectUncut(outward);
  expectUncut(inward);
}

const renamed = (lines: readonly string[], from: string, to: string) =>
  lines.map((line) => line.replaceAll(from, to)).sort();

const blue = () => attachment(host, "blue");

test("the first ADD moves the host to the bridge, and its traffic goes on", async () => {
  await measured("ADD", () => blue().run("ADD"));
  const moved = await carriedBy(host, "lan0");
  expect(moved).toEqual(renamed(before, own.name, "lan0"));
}, 60_000);

test("the uplink is a port of the bridge, holds nothing, and its hardware address is the bridge's", async () => {
  const [port] = JSON.parse(await host.run(["ip", "-j", "addr", "show", own.name]));
  const [bridge] = JSON.parse(await host.run(["ip", "-j", "-d", "link", "show", "lan0"]));
  expect(port).toMatchObject({ master: "lan0", addr_info: [], address: bridge.address });
  expect(bridge.linkinfo.info_data).toMatchObject({ forward_delay: 0, stp_state: 0 });
}, 20_000);

test("containers and host reach the LAN and each other, and the LAN reaches them", async () => {
  const red = attachment(host, "red");
  await red.run("ADD");
  const containers = red.addresses.map((address) => address.split("/")[0]!);
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6, ...containers])).toEqual([]);
  expect(await unreached(host, lan.netns, [own.ipv4, own.ipv6, ...containers])).toEqual([]);
  const others = [lan.ipv4, lan.ipv6, own.ipv4, own.ipv6];
  expect(await unreached(host, "red", others)).toEqual([]);
  expect(await unreached(host, "blue", [...others, ...containers])).toEqual([]);
  await red.run("CHECK");
}, 60_000);

test("a DEL that is not the last moves nothing", async () => {
  await measured("DEL of one of two", () => attachment(host, "red").run("DEL"));
  expect(await carriedBy(host, "lan0")).toEqual(renamed(before, own.name, "lan0"));
}, 60_000);

test("the last DEL moves the host back as it was, and its traffic goes on", async () => {
  await measured("last DEL", () => blue().run("DEL"));
  expect(await carriedBy(host, own.name)).toEqual(before);
  const left = await carriedBy(host, "lan0");
  expect(left.filter((line) => !/^(mode|multicast) /.test(line))).toEqual([]);
  expect(await host.run(["sh", "-c", "ls /var/lib/netloom/uplinks"])).toBe("");
}, 60_000);

test("so it goes again and again, whatever came to the bridge meanwhile", async () => {
  await blue().run("ADD");
  await host.run(["ip", "addr", "add", "198.51.100.5/24", "dev", "lan0"]);
  await host.run(["ip", "route", "del", "203.0.114.0/24"]);
  await blue().run("DEL");
  const now = await carriedBy(host, own.name);
  expect(now.some((line) => line.includes("198.51.100.5/24"))).toBe(true);
  expect(now.some((line) => line.includes("203.0.114.0/24"))).toBe(false);
  expect(await unreached(host, undefined, [lan.ipv4, lan.ipv6])).toEqual([]);
}, 60_000);
