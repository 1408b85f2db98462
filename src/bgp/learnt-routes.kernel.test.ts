/** Learnt routes in the real kernel: several ways, and next hops that lead nowhere sure. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { ScratchNetns } from "../kernel/netns/scratch.ts";
import { silentLog } from "../lib/log.ts";
import { routeMetric } from "../model/route-metric.ts";
import { LearntRoutes } from "./learnt-routes.ts";

let netns: ScratchNetns;
let socket: NetlinkSocket;
let routes: LearntRoutes;

beforeEach(() => {
  netns = new ScratchNetns("learnt");
  netns.run(
    "sh",
    "-ec",
    `ip link set lo up; ip link add va type veth peer name vb; ip link set va up; ip link set vb up
    ip addr add 198.51.100.1/24 dev va; ip addr add 2001:db8::1/64 dev va nodad
    ip route add default via 198.51.100.9; ip route add default via 2001:db8::9
    ip route add 203.0.113.0/24 via 198.51.100.8; ip route add 2001:db8:8::/64 via 2001:db8::8`,
  );
  socket = new NetlinkSocket("route", netns.path);
  routes = new LearntRoutes(socket, silentLog);
});
afterEach(() => {
  socket[Symbol.dispose]();
  netns[Symbol.dispose]();
});

/** Gateways of our routes, by destination. */
function told(): Record<string, string[]> {
  const texts = ["-4", "-6"].map((family) =>
    netns.run("ip", family, "-j", "route", "show", "metric", "10801"),
  );
  const all = texts.flatMap((text) => JSON.parse(text));
  return Object.fromEntries(
    all.map(({ dst, gateway, nexthops }) => [
      dst,
      gateway ? [gateway] : nexthops.map((hop: { gateway: string }) => hop.gateway).sort(),
    ]),
  );
}

test("one way becomes several, others, and one again, in the place of what was there", () => {
  for (const [prefix, hop] of [
    ["10.1.0.0/26", (n: number) => `198.51.100.${n}`],
    ["fd00:1::/64", (n: number) => `2001:db8::${n}`],
  ] as const) {
    for (const numbers of [[2], [2, 3], [4, 5], [4, 3, 2], [3]]) {
      const hops = numbers.map(hop).sort();
      routes.set(prefix, hops);
      expect(told()[prefix]).toEqual(hops);
      expect(routes.repair()).toBe(0);
    }
  }
});

test("a next hop is reached over a link or by a route of its own, and never by a default route", () => {
  routes.set("10.1.0.0/26", ["203.0.113.7"]);
  routes.set("10.2.0.0/26", ["192.0.2.7"]);
  routes.set("fd00:1::/64", ["2001:db8:8::7"]);
  routes.set("fd00:2::/64", ["2001:db8:77::7"]);
  expect(told()).toEqual({ "10.1.0.0/26": ["198.51.100.8"], "fd00:1::/64": ["2001:db8::8"] });
  netns.run("ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.7");
  expect(routes.repair()).toBe(1);
  expect(told()["10.2.0.0/26"]).toEqual(["198.51.100.7"]);
});

test("what others have in the same table stays: the host's tunnel, routes of other backends", () => {
  const metrics = Object.entries(routeMetric).filter(([whose]) => whose !== "learnt");
  for (const [, metric] of metrics) {
    netns.run(
      "ip",
      "route",
      "add",
      "fd00:7::/64",
      "dev",
      "va",
      "proto",
      "108",
      "metric",
      `${metric}`,
    );
  }
  const others = () => JSON.parse(netns.run("ip", "-6", "-j", "route", "show", "fd00:7::/64"));
  expect(others()).toHaveLength(metrics.length);
  const later = new LearntRoutes(socket, silentLog);
  expect([later.size, later.sweep(), later.repair()]).toEqual([0, 0, 0]);
  expect(others()).toHaveLength(metrics.length);
});

test("a learnt prefix covers those within it", () => {
  routes.set("10.1.0.0/24", ["198.51.100.2"]);
  const prefixes = ["10.1.0.64/26", "10.1.0.0/24", "10.1.0.0/16", "fd00::/64"];
  expect(prefixes.map((prefix) => routes.covers(prefix))).toEqual([true, true, false, false]);
});
