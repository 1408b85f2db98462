/** Containers on several hosts reach each other by what the kernel is told. */
import { expect, test } from "bun:test";
import { desiredOf } from "./desired.ts";
import { apart, difference, type Entry } from "./entries.ts";
import { Fabric, type FabricHost, pings } from "./fabric-fixture.ts";
import { Transition } from "./transition.ts";

const ways = [
  ["plain routes", { backend: "host-gw" }, false],
  ["VXLAN", { backend: "vxlan" }, false],
  [
    "VXLAN over IPv6, on a port of its own",
    { underlayProtocol: "ipv6", vxlan: { port: 8472 } },
    false,
  ],
  ["VXLAN with plain routes on one link", { directRouting: true }, false],
  ["VXLAN between subnets", { directRouting: true }, true],
] as const;

test.each(ways)(
  "by %s, both families, and what is there is what was to be",
  (_, spec, isRouted) => {
    using fabric = new Fabric(3, { isRouted });
    expect(fabric.bring(spec)).toEqual([]);
    expect(fabric.reach()).toEqual(Array(12).fill(true));
    for (const [i, { kernel }] of fabric.hosts.entries()) {
      const { entries } = desiredOf(fabric.view(i + 1, spec));
      kernel.look();
      expect(difference<Entry>(kernel.applied, entries)).toEqual({ set: [], gone: [] });
    }
  },
);

test("the largest packet passes that the device's MTU allows", () => {
  using fabric = new Fabric(2);
  fabric.bring({ backend: "vxlan" });
  const [one] = fabric.hosts;
  const sized = (payload: number) => ["-M", "do", "-s", String(payload)];
  const [, two] = fabric.hosts;
  expect(pings(one!.box, two!.addresses[0], sized(1450 - 28))).toBe(true);
  expect(pings(one!.box, two!.addresses[0], sized(1450 - 27))).toBe(false);
  expect(pings(one!.box, two!.addresses[1], sized(1450 - 48))).toBe(true);
  expect(pings(one!.box, two!.addresses[1], sized(1450 - 47))).toBe(false);
});

test("plain routes between subnets are refused with the reason, and drop at once", () => {
  using fabric = new Fabric(2, { isRouted: true });
  const told = fabric.bring({ backend: "host-gw" });
  expect(told).toHaveLength(2);
  expect(told[0]).toContain(
    'network "default/blue" does not reach host "h2": its address 198.51.2.12 is on another link',
  );
  expect(fabric.reach()).toEqual(Array(4).fill(false));
  expect(fabric.hosts[0]!.netns.run("ip", "route", "show", "type", "unreachable")).toContain(
    "10.40.2.0/26",
  );
});

test("what no container has is dropped, and what went away comes back", () => {
  using fabric = new Fabric(2);
  fabric.bring({ backend: "vxlan" });
  const { netns, kernel } = fabric.hosts[0]!;
  expect(netns.run("sh", "-c", "ip route get 10.40.1.9 2>&1; true")).toContain("Invalid argument");
  expect(netns.run("ip", "-6", "route", "show", "type", "blackhole")).toContain("fd40:1::/122");
  for (const hand of [
    "ip link del nlx-77",
    "ip link set nlx-77 down",
    "ip route flush 10.40.2.0/26; ip -6 route flush fd40:2::/122",
    "ip neigh flush dev nlx-77 nud permanent; ip -6 neigh flush dev nlx-77 nud permanent",
    "for mac in $(bridge fdb show dev nlx-77 | cut -d' ' -f1); do bridge fdb del $mac dev nlx-77; done",
  ]) {
    netns.run("sh", "-c", hand);
    kernel.look();
    fabric.bring({ backend: "vxlan" });
    expect([hand, ...fabric.reach()]).toEqual([hand, ...Array(4).fill(true)]);
  }
});

test("another backend, and another identifier, take the place of the one before", () => {
  using fabric = new Fabric(2);
  const specs = ["host-gw", "vxlan", "host-gw", "vxlan"].map((backend) => ({ backend }));
  for (const spec of specs) {
    expect(fabric.bring(spec)).toEqual([]);
    expect(fabric.reach()).toEqual(Array(4).fill(true));
  }
  expect(fabric.bring({}, 78)).toEqual([]);
  expect(fabric.reach()).toEqual(Array(4).fill(true));
  const { netns, kernel } = fabric.hosts[0]!;
  expect(netns.run("ip", "-br", "link", "show", "type", "vxlan")).toMatch(/^nlx-78 /);
  // A host that is not reached any more, and then is.
  const lost = { ...fabric.view(1, {}, 78), peers: new Map() };
  kernel.bring(apart(desiredOf(lost).entries).kernel, true);
  expect(pings(fabric.hosts[0]!.box, "fd40:2::5")).toBe(false);
  expect(fabric.bring({}, 78)).toEqual([]);
  expect(fabric.reach()).toEqual(Array(4).fill(true));

  const before = netns.run("sh", "-c", "ip route show proto 108; ip -6 route show proto 108");
  expect(kernel.bring(new Map(), false).gone).toBe(0);
  expect(netns.run("sh", "-c", "ip route show proto 108; ip -6 route show proto 108")).toBe(before);
  kernel.bring(new Map(), true);
  expect(netns.run("ip", "-br", "link", "show", "type", "vxlan")).toBe("");
  expect(netns.run("sh", "-c", "ip -o route show proto 108; ip -6 -o route show proto 108")).toBe(
    netns
      .run("sh", "-c", "ip -o route show dev c0 proto 108; ip -6 -o route show dev c0 proto 108")
      .replaceAll(" scope link", " dev c0 scope link")
      .replaceAll(/^(fd40\S+)/gm, "$1 dev c0"),
  );
});

test("packets under way come through while hosts change over one after the other", async () => {
  using fabric = new Fabric(2);
  fabric.bring({ backend: "host-gw" });
  const steps = fabric.hosts.map(({ kernel }, i) => {
    const transition = new Transition();
    return (spec: object) => {
      const desired = desiredOf(fabric.view(i + 1, spec)).entries;
      const now = { applied: kernel.applied, desired, nowMs: performance.now() };
      const { entries, waitMs } = transition.stage(now);
      kernel.bring(apart(entries).kernel, true);
      return waitMs;
    };
  });
  const [one, two] = fabric.hosts;
  const enter = ["nsenter", `--net=${one!.box.path}`];
  const ping = (address: string) =>
    Bun.spawn([...enter, "ping", "-q", "-i", "0.005", address], { stdout: "pipe" });
  const all = two!.addresses.map(ping);
  for (const backend of ["vxlan", "host-gw"]) {
    // The second host hears of it later.
    for (const step of steps) {
      step({ backend });
      await Bun.sleep(300);
    }
    while (steps.map((step) => step({ backend })).some((waitMs) => waitMs !== undefined)) {
      await Bun.sleep(50);
    }
  }
  for (const running of all) running.kill("SIGINT");
  for (const running of all) {
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(
      await new Response(running.stdout).text(),
    )!;
    // One may be under way when it ends.
    expect(Number(received)).toBeGreaterThanOrEqual(Number(sent) - 1);
    expect(Number(sent)).toBeGreaterThan(100);
  }
  expect(two!.netns.run("ip", "-br", "link", "show", "type", "vxlan")).toBe("");
}, 30_000);

test("what is there already is found by another process, and kept", () => {
  using fabric = new Fabric(2);
  fabric.bring({});
  using again = new (fabric.hosts[0]!.kernel.constructor as any)(
    "netloom:test:routed",
    fabric.hosts[0]!.netns.path,
  );
  again.look();
  const { entries } = desiredOf(fabric.view(1, {}));
  expect(again.bring(entries, true)).toEqual({ set: 0, gone: 0, failures: [] });
});

test("routes onto another part's link go with it, and what they leave goes nowhere", () => {
  using fabric = new Fabric(2);
  const [one] = fabric.hosts as [FabricHost];
  const { netns, kernel } = one;
  const view = fabric.view(1, { backend: "wireguard" });
  const [network] = view.networks;
  const subnets = ["10.40.0.0/16", "fd40::/16"];
  const { entries } = desiredOf({ ...view, networks: [{ ...network!, subnets }] });
  const bring = () => kernel.bring(apart(entries).kernel, true).failures;
  const ways = () =>
    ["10.40.2.5", "fd40:2::5", "10.40.9.5", "fd40:9::5"].map((address) => {
      const told = netns.run("sh", "-c", `ip route get ${address} 2>&1; true`);
      return /unreachable|No route to host/.test(told) ? "nowhere" : /dev \w+/.exec(told)![0];
    });
  const blocked = Array(2).fill("nowhere");
  netns.run(
    "sh",
    "-c",
    "ip route add default via 198.51.0.12; ip route add default via 2001:db8:a0::12",
  );
  // It is not there yet.
  expect(bring()).toEqual([]);
  expect(ways()).toEqual([...blocked, ...blocked]);
  for (let round = 0; round < 2; round++) {
    netns.run("sh", "-ec", "ip link add nlw0 type veth peer nlw9; ip link set nlw0 up");
    kernel.look();
    expect(bring()).toEqual([]);
    expect(ways()).toEqual(["dev nlw0", "dev nlw0", ...blocked]);
    kernel.look();
    expect(difference(kernel.applied, apart(entries).kernel)).toEqual({ set: [], gone: [] });
    netns.run("ip", "link", "del", "nlw0");
    expect(ways()).toEqual([...blocked, ...blocked]);
  }
  kernel.look();
  kernel.bring(new Map(), true);
  expect(
    netns.run("sh", "-c", "ip route show type unreachable; ip -6 route show type unreachable"),
  ).toBe("");
});

test("a device is changed in place where the kernel can, and never cuts packets in two", () => {
  using fabric = new Fabric(2);
  fabric.bring({});
  const { netns, kernel } = fabric.hosts[0]!;
  const shown = () => netns.json("ip", "-j", "-d", "link", "show", "nlx-77")[0];
  const before = shown();
  expect(before.linkinfo.info_data).toMatchObject({ df: "set", local: "198.51.0.11" });
  netns.run("ip", "addr", "add", "198.51.0.99/24", "dev", "up0");
  const view = fabric.view(1, { vxlan: { ttl: 9, dscp: 46 } });
  const underlay = [{ address: "198.51.0.99", prefixLength: 24, mtu: 1400 }];
  const { entries } = desiredOf({ ...view, underlay });
  const { set, failures } = kernel.bring(apart(entries).kernel, true);
  expect([set, failures]).toEqual([1, []]);
  const { ifindex, mtu, linkinfo } = shown();
  expect([ifindex, mtu]).toEqual([before.ifindex, 1350]);
  expect(linkinfo.info_data).toMatchObject({ local: "198.51.0.99", ttl: 9, tos: "0xb8" });
  kernel.look();
  expect(difference(kernel.applied, apart(entries).kernel)).toEqual({ set: [], gone: [] });
  expect(fabric.bring({ underlayProtocol: "ipv6" })).toEqual([]);
  expect([shown().ifindex === ifindex, fabric.reach()]).toEqual([false, Array(4).fill(true)]);
});
