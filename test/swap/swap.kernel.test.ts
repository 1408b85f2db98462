/** Containers of the reference plugins go on, are checked and detached after the binaries' swap. */
import { afterEach, describe, expect, test } from "bun:test";
import type { NetworkList } from "../support/cni-call.ts";
import type { ReferenceVersion } from "../support/reference.ts";
import { run } from "../support/run.ts";
import { readNetns, readTree } from "../support/snapshot.ts";
import { lan } from "../support/test-host.ts";
import type { Probe } from "../support/traffic.ts";
import { traces } from "./leftovers.ts";
import { type Attached, SwappedHost } from "./swapped-host.ts";

const network = "blue.net-1";
/** As long as runtimes make them. */
const longId = "0123456789abcdef".repeat(4);

interface Origin {
  readonly version: ReferenceVersion;
  readonly main: "bridge" | "ptp";
  readonly backend: "iptables" | "nftables";
}

const origins: Origin[] = [
  { version: "1.1.1", main: "bridge", backend: "iptables" },
  { version: "1.9.1", main: "bridge", backend: "iptables" },
  { version: "1.9.1", main: "bridge", backend: "nftables" },
  { version: "1.1.1", main: "ptp", backend: "iptables" },
  { version: "1.9.1", main: "ptp", backend: "nftables" },
];

let swapped: SwappedHost | undefined;
afterEach(() => swapped?.host.remove());

function listFor(origin: Origin, hostPort: number, cniVersion = "1.0.0"): NetworkList {
  const ipam = {
    type: "host-local",
    dataDir: `${swapped!.host.dir}/data`,
    ranges: [[{ subnet: "10.5.0.0/24" }], [{ subnet: "fd05::/64" }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  };
  const backend = origin.version === "1.1.1" ? undefined : origin.backend;
  const portMappings = [
    { hostPort, containerPort: 80, protocol: "tcp" },
    { hostPort, containerPort: 53, protocol: "udp" },
  ];
  const bridge = { bridge: "br0", isGateway: true, hairpinMode: true, macspoofchk: true };
  return {
    cniVersion,
    name: network,
    plugins: [
      {
        type: origin.main,
        ...(origin.main === "bridge" ? bridge : {}),
        ipMasq: true,
        ipMasqBackend: backend,
        ipam,
      },
      { type: "portmap", backend, runtimeConfig: { portMappings } },
    ],
  };
}

/** Two containers of the reference, and the rules without them; then our binaries. */
async function twoAndSwap(origin: Origin, cniVersion?: string) {
  const here = await SwappedHost.create(origin.version);
  swapped = here;
  const first = await here.attach("first", listFor(origin, 8079, cniVersion));
  // Its answer does not matter: 1.9.1 fails after it has removed its rules, see the design note.
  await here.call("DEL", first);
  const without = await here.foreignRules();
  const one = await here.attach(longId, listFor(origin, 8081, cniVersion));
  const two = await here.attach("two", listFor(origin, 8082, cniVersion));
  here.swap();
  return { here, without, one, two };
}

function publishedPort(hostPort: number): Probe[] {
  return [lan.host4, lan.host6].flatMap((address) => [
    { kind: "tcp", address, port: hostPort },
    { kind: "udp", address, port: hostPort },
  ]);
}

/** Inside, outward with masquerade, and from outside to its published port. */
async function expectConnected(
  here: SwappedHost,
  one: Attached,
  other: Attached,
  hostPort: number,
) {
  const outward: Probe[] = [
    { kind: "ping", address: other.ip4 },
    { kind: "tcp", address: other.ip6, port: 80 },
    { kind: "tcp", address: lan.internet4, port: 7000 },
    { kind: "udp", address: lan.outside6, port: 7000 },
  ];
  const [inside, seen] = await Promise.all([
    here.reach(one.netns, outward),
    here.reach(here.host.outside, publishedPort(hostPort)),
  ]);
  expect(inside).toEqual(["reached", one.ip6, lan.host4, lan.host6]);
  expect(seen).toEqual([lan.outside4, lan.outside4, lan.outside6, lan.outside6]);
}

function expectNoTrace(rules: string, { containerId, ip4, ip6 }: Attached) {
  const found = traces(network, containerId, [ip4, ip6]).filter((trace) => rules.includes(trace));
  expect(found).toEqual([]);
}

/** Pings, 20 milliseconds apart, for two seconds; gives how many of a hundred came back. */
async function keepPinging(netns: string, address: string): Promise<number> {
  const ping = ["ping", "-n", "-q", "-i", "0.02", "-c", "100", "-W", "2", address];
  const { stdout } = await run(ping, { netns });
  return Number(/(\d+) received/.exec(stdout)?.[1]);
}

const reservations = (here: SwappedHost) =>
  Object.entries(readTree(`${here.host.dir}/data`))
    .filter(([, text]) => text.includes("\r\n"))
    .map(([path, text]) => `${path.split("/").at(-1)} ${text.split("\r\n")[0]}`)
    .sort();

for (const origin of origins) {
  describe(`containers of ${origin.main} ${origin.version} with ${origin.backend}`, () => {
    test("stay connected while ours come and go beside them", async () => {
      const { here, one, two } = await twoAndSwap(origin);
      await expectConnected(here, one, two, 8081);
      const pinging = keepPinging(one.netns, lan.internet4);
      const three = await here.attach("three", listFor(origin, 8083));
      expect([one.ip4, two.ip4]).not.toContain(three.ip4);
      expect([one.ip6, two.ip6]).not.toContain(three.ip6);
      await expectConnected(here, one, three, 8081);
      await expectConnected(here, three, two, 8083);
      expect((await here.call("DEL", three)).ok).toBe(true);
      await expectConnected(here, two, one, 8082);
      // A busy machine may answer one too late; a cut of a tenth of a second would lose five.
      expect(await pinging).toBeGreaterThanOrEqual(97);
    }, 60_000);

    test("pass CHECK, and fail it when an address or the port mapping is gone", async () => {
      const { here, one, two } = await twoAndSwap(origin);
      for (const container of [one, two]) {
        const check = await here.call("CHECK", container);
        expect(check.stdout).toBe("");
        expect(check.ok).toBe(true);
      }
      await here.host.shell(`ip addr del ${one.ip4}/24 dev eth0`, one.netns);
      expect((await here.call("CHECK", one)).ok).toBe(false);
      await here.host.shell("nft flush ruleset");
      expect((await here.call("CHECK", two)).ok).toBe(false);
    }, 60_000);

    test("refuse a second ADD and keep what they have", async () => {
      const { here, one, two } = await twoAndSwap(origin);
      const before = [await here.foreignRules(), reservations(here)];
      const again = await here.call("ADD", one);
      expect(again.ok).toBe(false);
      expect([await here.foreignRules(), reservations(here)]).toEqual(before);
      await expectConnected(here, one, two, 8081);
    }, 60_000);

    test("go without a trace of the reference's rules on DEL, twice", async () => {
      const { here, without, one, two } = await twoAndSwap(origin);
      expect(await here.foreignRules()).not.toBe(without);
      expect((await here.call("DEL", one)).stdout).toBe("");
      expectNoTrace(await here.foreignRules(), one);
      expect((await readNetns(one.netns)).links.map((link) => link.ifname)).toEqual(["lo"]);
      await expectConnected(here, two, two, 8082);
      expect((await here.call("DEL", two)).ok).toBe(true);
      expect((await here.call("DEL", two)).ok).toBe(true);
      expect(await here.foreignRules()).toBe(without);
      expect(reservations(here)).toEqual([]);
    }, 60_000);

    test("go without a trace when the namespace or the runtime's cached result is gone", async () => {
      const { here, without, one, two } = await twoAndSwap(origin);
      await here.host.shell(
        `ip netns pids ${one.netns} | xargs -r kill; ip netns del ${one.netns}`,
      );
      expect((await here.call("DEL", one, { container: undefined })).ok).toBe(true);
      expectNoTrace(await here.foreignRules(), one);
      expect((await here.call("DEL", two, { prevResult: undefined })).ok).toBe(true);
      expect(await here.foreignRules()).toBe(without);
      expect(reservations(here)).toEqual([]);
    }, 60_000);
  });
}

const collected = origins.filter(({ version }) => version === "1.9.1");
for (const origin of collected) {
  test(`GC takes a vanished container of ${origin.main} 1.9.1 with ${origin.backend}`, async () => {
    const { here, without, one, two } = await twoAndSwap(origin, "1.1.0");
    await here.host.shell(`ip netns pids ${one.netns} | xargs -r kill; ip netns del ${one.netns}`);
    const collect = (valid: readonly Attached[]) => {
      const attachments = valid.map(({ containerId }) => ({
        containerID: containerId,
        ifname: "eth0",
      }));
      const plugins = one.list.plugins.map((plugin) => {
        return { ...plugin, "cni.dev/valid-attachments": attachments };
      });
      return here.call("GC", { ...one, result: undefined, list: { ...one.list, plugins } });
    };
    expect((await collect([two])).ok).toBe(true);
    expectNoTrace(await here.foreignRules(), one);
    expect(reservations(here)).toEqual([`${two.ip4} two`, `${two.ip6} two`]);
    await expectConnected(here, two, two, 8082);
    expect((await collect([])).ok).toBe(true);
    expect(await here.foreignRules()).toBe(without);
    expect(reservations(here)).toEqual([]);
  }, 60_000);
}
