/** Routes in fresh namespaces, judged by `ip -j route`. */
import { describe, expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { addRoute, appendRoute, type NewRoute, removeRoute, replaceRoute } from "./route.ts";
import { getRoute, listRoutes } from "./route-info.ts";

/** A namespace with links br0 (5) and v (6), up and with addresses of both families. */
function stage(): ScratchNetns {
  const netns = new ScratchNetns("route");
  const steps = [
    "ip link add name br0 index 5 type bridge",
    "ip link add v index 6 type veth peer name w",
    "ip link set br0 up; ip link set v up; ip link set w up; ip link set lo up",
    "ip addr add 10.1.0.1/24 dev br0; ip addr add fd00::1/64 dev br0 nodad",
    "ip addr add 10.2.0.1/24 dev v; ip addr add fd01::1/64 dev v nodad",
  ];
  netns.run("sh", "-ec", steps.join("\n"));
  return netns;
}

/** What `ip` shows of the routes to `dst`, in any table. */
const shown = (netns: ScratchNetns, dst: string): any[] =>
  netns.json("ip", "-j", "-N", "route", "show", "table", "all", dst);

const protocol = "108";

/** Routes to add, and what `ip` must show of each. */
const cases: [string, NewRoute, object][] = [
  [
    "by a gateway",
    { dst: "10.9.0.0/16", gateway: "10.1.0.9" },
    { gateway: "10.1.0.9", dev: "br0" },
  ],
  ["on a link", { dst: "10.9.0.0/16", oif: 6 }, { dev: "v", scope: "253" }],
  [
    "with every metric and a priority",
    {
      dst: "10.9.0.0/16",
      gateway: "10.1.0.9",
      priority: 77,
      mtu: 1300,
      advmss: 1200,
      metrics: { hopLimit: 9, quickAck: 1 },
    },
    { metric: 77, metrics: [{ mtu: 1300, advmss: 1200, hoplimit: 9, quickack: 1 }] },
  ],
  [
    "in a table of its own, with a preferred source",
    { dst: "10.9.0.0/16", gateway: "10.1.0.9", table: 10800, source: "10.2.0.1" },
    { table: "10800", prefsrc: "10.2.0.1" },
  ],
  [
    "by a gateway that no address covers",
    { dst: "10.9.0.0/16", gateway: "169.254.1.1", oif: 6, onlink: true },
    { gateway: "169.254.1.1", dev: "v", flags: ["onlink"] },
  ],
  [
    "by two gateways, weighted",
    {
      dst: "10.9.0.0/16",
      nextHops: [
        { gateway: "10.1.0.9", weight: 3 },
        { oif: 6, gateway: "10.2.0.9" },
      ],
    },
    {
      nexthops: [
        { gateway: "10.1.0.9", dev: "br0", weight: 3, flags: [] },
        { gateway: "10.2.0.9", dev: "v", weight: 1, flags: [] },
      ],
    },
  ],
  [
    "by a gateway of the other family",
    { dst: "10.9.0.0/16", gateway: "fd00::9", oif: 5 },
    { via: { family: "inet6", host: "fd00::9" } },
  ],
  ["to nowhere", { dst: "10.9.0.0/16", type: "blackhole" }, { type: "6" }],
  ["refused", { dst: "10.9.0.0/16", type: "unreachable", table: 10801 }, { type: "7" }],
  ["of a scope", { dst: "10.9.0.0/16", oif: 5, scopeId: 200 }, { scope: "200" }],
  ["of another's protocol", { dst: "10.9.0.0/16", oif: 5, protocol: 4 }, { protocol: "4" }],
  ["in IPv6", { dst: "fd99::/64", gateway: "fd00::9" }, { gateway: "fd00::9", metric: 1024 }],
  [
    "in IPv6 on a link",
    { dst: "fd99::/64", oif: 6, priority: 5, mtu: 1300 },
    { dev: "v", metric: 5 },
  ],
  [
    "in IPv6 by two gateways",
    { dst: "fd99::/64", nextHops: [{ gateway: "fd00::9" }, { gateway: "fd01::9", weight: 2 }] },
    { nexthops: [{ gateway: "fd00::9" }, { gateway: "fd01::9", weight: 2 }] },
  ],
  ["in IPv6 to nowhere", { dst: "fd99::/64", type: "prohibit" }, { type: "8" }],
];

describe("a route is added, told, and removed by its key", () => {
  for (const [name, route, expected] of cases) {
    test(name, () => {
      using netns = stage();
      using socket = netns.socket();
      socket.run([addRoute(route)]);
      expect(shown(netns, route.dst)).toMatchObject([{ dst: route.dst, protocol, ...expected }]);
      const [told, ...more] = listRoutes(socket, { protocol: route.protocol ?? 108 });
      expect(more).toEqual([]);
      const { metrics, nextHops, ...rest } = route;
      expect(told).toMatchObject(rest);
      if (metrics) expect(told!.metrics).toMatchObject(metrics);
      if (nextHops) expect(told!.nextHops).toMatchObject(nextHops as object[]);
      // What was told is enough to make the same again.
      socket.run([removeRoute(told!)]);
      expect(shown(netns, route.dst)).toEqual([]);
      socket.run([addRoute(told!)]);
      expect(shown(netns, route.dst)).toMatchObject([{ dst: route.dst, protocol, ...expected }]);
      const { table, priority } = route;
      socket.run([removeRoute({ dst: route.dst, table, priority })]);
      expect(shown(netns, route.dst)).toEqual([]);
    });
  }
});

describe("default routes", () => {
  for (const [dst, gateway] of [
    ["0.0.0.0/0", "10.1.0.9"],
    ["::/0", "fd00::9"],
  ] as const) {
    test(dst, () => {
      using netns = stage();
      using socket = netns.socket();
      socket.run([addRoute({ dst, gateway })]);
      expect(
        netns.json("ip", dst === "::/0" ? "-6" : "-4", "-j", "route", "show", "default"),
      ).toMatchObject([{ dst: "default", gateway, dev: "br0" }]);
      expect(listRoutes(socket, { protocol: 108 })).toMatchObject([{ dst, gateway, oif: 5 }]);
    });
  }
});

test("adding to a taken key is refused, and replacing takes it over", () => {
  using netns = stage();
  using socket = netns.socket();
  const first = { dst: "10.9.0.0/16", gateway: "10.1.0.9" };
  const second = { dst: "10.9.0.0/16", gateway: "10.2.0.9" };
  socket.run([addRoute(first)]);
  expect(() => socket.run([addRoute(second)])).toThrow(
    "Cannot add route 10.9.0.0/16 via 10.2.0.9: EEXIST",
  );
  socket.run([replaceRoute(second)]);
  expect(shown(netns, "10.9.0.0/16")).toMatchObject([{ gateway: "10.2.0.9", dev: "v" }]);
});

test("removing a route that is not there succeeds, and takes no other", () => {
  using netns = stage();
  using socket = netns.socket();
  socket.run([addRoute({ dst: "10.9.0.0/16", gateway: "10.1.0.9", priority: 5 })]);
  socket.run([
    removeRoute({ dst: "10.9.0.0/17" }),
    removeRoute({ dst: "10.9.0.0/16", priority: 6 }),
    removeRoute({ dst: "10.9.0.0/16", table: 10800 }),
    removeRoute({ dst: "10.9.0.0/16", protocol: 4 }),
    removeRoute({ dst: "10.9.0.0/16", gateway: "10.1.0.8" }),
    removeRoute({ dst: "fd99::/64" }),
    removeRoute({ dst: "fd99::/64", oif: 99 }),
  ]);
  expect(shown(netns, "10.9.0.0/16")).toHaveLength(1);
});

test("a gateway that cannot be reached is refused in the kernel's own words", () => {
  using netns = stage();
  using socket = netns.socket();
  expect(() => socket.run([addRoute({ dst: "10.9.0.0/16", gateway: "192.0.2.1" })])).toThrow(
    "Cannot add route 10.9.0.0/16 via 192.0.2.1: Nexthop has invalid gateway (ENETUNREACH)",
  );
});

test("a listing gives what the filter says, and the kernel does the filtering", () => {
  using netns = stage();
  using socket = netns.socket();
  socket.run([
    addRoute({ dst: "10.9.0.0/16", gateway: "10.1.0.9" }),
    addRoute({ dst: "10.10.0.0/16", gateway: "10.2.0.9", table: 10800 }),
    addRoute({ dst: "10.11.0.0/16", type: "blackhole", table: 10800, protocol: 4 }),
    addRoute({ dst: "fd99::/64", gateway: "fd01::9" }),
    addRoute({ dst: "10.12.0.0/16", nextHops: [{ gateway: "10.1.0.9" }, { gateway: "10.2.0.9" }] }),
  ]);
  const dump = socket.dump.bind(socket);
  let received = 0;
  socket.dump = (item) => {
    const found = dump(item);
    received = found.length;
    return found;
  };
  const listed = (filter: Parameters<typeof listRoutes>[1]) => {
    const routes = listRoutes(socket, filter).map((route) => route.dst);
    expect([filter, received]).toEqual([filter, routes.length]);
    return routes.sort();
  };
  expect(listed({ protocol: 108 })).toEqual([
    "10.10.0.0/16",
    "10.12.0.0/16",
    "10.9.0.0/16",
    "fd99::/64",
  ]);
  expect(listed({ table: 10800 })).toEqual(["10.10.0.0/16", "10.11.0.0/16"]);
  expect(listed({ table: 10800, protocol: 4 })).toEqual(["10.11.0.0/16"]);
  expect(listed({ family: 10, protocol: 108 })).toEqual(["fd99::/64"]);
  expect(listed({ oif: 6, family: 2, protocol: 108 })).toEqual(["10.10.0.0/16", "10.12.0.0/16"]);
  expect(listed({ type: "blackhole" })).toEqual(["10.11.0.0/16"]);
  expect(listed({ table: 10999 })).toEqual([]);
  expect(listed({}).length).toBeGreaterThan(10);
});

describe("looking a destination up", () => {
  test("tells link, gateway, source address and table of the route that a packet would take", () => {
    using netns = stage();
    using socket = netns.socket();
    netns.run("ip", "route", "add", "default", "via", "10.1.0.9", "mtu", "1400");
    netns.run("ip", "route", "add", "203.0.113.0/24", "via", "10.2.0.9", "table", "10800");
    netns.run("ip", "rule", "add", "to", "203.0.113.0/24", "lookup", "10800");
    netns.run("ip", "-6", "route", "add", "default", "via", "fd01::9");
    expect(getRoute(socket, "192.0.2.7")).toMatchObject({
      oif: 5,
      gateway: "10.1.0.9",
      source: "10.1.0.1",
      table: 254,
      mtu: 1400,
      type: "unicast",
    });
    expect(getRoute(socket, "203.0.113.7")).toMatchObject({ oif: 6, table: 10800 });
    expect(getRoute(socket, "10.1.0.1")).toMatchObject({ type: "local" });
    expect(getRoute(socket, "2001:db8::1")).toMatchObject({
      oif: 6,
      gateway: "fd01::9",
      table: 254,
    });
    expect(getRoute(socket, "192.0.2.7", { source: "10.2.0.1", oif: 6 })?.oif).toBe(6);
  });

  test("tells undefined where no route leads", () => {
    using netns = stage();
    using socket = netns.socket();
    expect(getRoute(socket, "192.0.2.7")).toBeUndefined();
    expect(getRoute(socket, "2001:db8::1")).toBeUndefined();
    for (const type of ["unreachable", "blackhole", "prohibit", "throw"]) {
      netns.run("ip", "route", "add", type, "192.0.2.0/24");
      netns.run("ip", "route", "add", type, "2001:db8::/32");
      expect(getRoute(socket, "192.0.2.7")).toBeUndefined();
      expect(getRoute(socket, "2001:db8::1")).toBeUndefined();
      netns.run("ip", "route", "del", type, "192.0.2.0/24");
      netns.run("ip", "route", "del", type, "2001:db8::/32");
    }
  });
});

describe("what a listing tells of a route", () => {
  test.each([
    "10.9.0.0/16 via 10.1.0.9 tos 0x10 metric 5 mtu 1300",
    "10.9.0.0/16 proto static src 10.2.0.1 nexthop via 10.1.0.9 weight 2 nexthop via 10.2.0.9 dev v",
    "default via 10.1.0.9 table 10800 proto 42",
    "10.9.0.0/16 dev br0 scope link",
    "local 10.9.0.0/16 dev br0 table local",
    "fd09::/64 via fd00::9 metric 7 expires 900 pref high",
    "default via fe80::9 dev br0 proto ra metric 100 hoplimit 7",
    "fd09::/64 dev br0 metric 9",
  ])("is enough to remove %s and add it again", (text) => {
    using netns = stage();
    using socket = netns.socket();
    const v6 = /fd0|fe80/.test(text) ? "-6" : "-4";
    netns.run("sh", "-c", `ip ${v6} route add ${text}`);
    const isIt = ({ dst, protocol }: { dst: string; protocol: number }) =>
      protocol !== 2 && /^(10\.9|fd09|0\.0|::\/0)/.test(dst);
    const [before, ...others] = listRoutes(socket).filter(isIt);
    expect(others).toEqual([]);
    socket.run([removeRoute(before!)]);
    expect(listRoutes(socket).filter(isIt)).toEqual([]);
    socket.run([appendRoute(before!)]);
    expect(listRoutes(socket).filter(isIt)).toEqual([before!]);
  });
});

test("an appended route stands behind its like, and either can go", () => {
  using netns = stage();
  using socket = netns.socket();
  const route = { dst: "10.9.0.0/16" };
  socket.run([
    addRoute({ ...route, gateway: "10.1.0.9", oif: 5 }),
    appendRoute({ ...route, gateway: "10.2.0.9", oif: 6 }),
  ]);
  expect(shown(netns, "10.9.0.0/16").map(({ dev }) => dev)).toEqual(["br0", "v"]);
  socket.run([removeRoute({ ...route, gateway: "10.1.0.9", oif: 5 })]);
  expect(shown(netns, "10.9.0.0/16").map(({ dev }) => dev)).toEqual(["v"]);
});
