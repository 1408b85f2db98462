/** Containers of a routed network on one host, from ADD to DEL. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { lan } from "../support/test-host.ts";
import { probe, serve } from "../support/traffic.ts";
import { eventually, World } from "./world.ts";

let world: World;

const cidrs = { "10.86.0.0/24": "blue", "fd00:86::/64": "blue6" } as const;

/** Declares a routed network of both families. */
function declare(spec: Record<string, unknown> = {}, name = "blue", all: object = cidrs): void {
  world.declare(name, { type: "routed", ...spec });
  for (const [cidr, subnet] of Object.entries(all)) {
    const metadata = { name: subnet, namespace: "default" };
    world.control.put("subnets", { metadata, spec: { network: name, cidr } });
  }
}

beforeAll(async () => {
  world = await World.make();
  declare();
  await world.startAgent();
});

afterAll(() => world.remove());

const sh = (script: string, netns?: string) => world.host.shell(script, netns);
const works = async (script: string, netns?: string) =>
  (await world.host.run(["sh", "-c", script], netns === undefined ? {} : { netns })).status === 0;
const reaches = (netns: string, address: string, more = "") =>
  works(`ping -n -c1 -W1 ${more} ${address}`, netns);

async function attach(network: string, name = network, ifName = "eth0", into?: string) {
  const box = into ?? (await world.host.addContainer());
  const list = world.list(name, network);
  const words = ifName === "eth0" ? [] : ["--ifname", ifName];
  const result = await world.must("add", ...words, list, box);
  const addresses: string[] = result.ips.map(({ address }: any) => address.split("/")[0]);
  return { box, list, words, result, addresses };
}
const detach = ({ box, list, words }: Awaited<ReturnType<typeof attach>>) =>
  world.must("del", ...words, list, box);

test("has single addresses, the same gateway everywhere, and reaches all of both families", async () => {
  const [one, two] = [await attach("blue"), await attach("blue")];
  expect(one.result.ips.map(({ address, gateway }: any) => [address, gateway])).toEqual([
    [`${one.addresses[0]}/32`, "169.254.1.1"],
    [`${one.addresses[1]}/128`, "fe80::1"],
  ]);
  for (const address of [...two.addresses, lan.internet4, lan.internet6, lan.host4, lan.host6]) {
    expect([address, await reaches(one.box, address)]).toEqual([address, true]);
  }
  for (const address of one.addresses) {
    expect([address, await reaches(world.host.netns, address)]).toEqual([address, true]);
  }
  expect(await sh("ip neigh show nud all dev eth0; ip -6 neigh show dev eth0", one.box)).toMatch(
    /169\.254\.1\.1 lladdr fe:6e:6c:00:00:01 PERMANENT/,
  );
  expect(await sh("ip route show default", one.box)).toContain(
    `default via 169.254.1.1 dev eth0 proto 108 src ${one.addresses[0]} onlink`,
  );
  expect(await sh("ip -br link")).not.toContain("nlb-");
  for (const each of [one, two]) await world.must("check", each.list, each.box);
  for (const each of [one, two]) await detach(each);
  expect(await sh("ip route; ip -6 route; nft list ruleset")).not.toMatch(
    /10\.86\.0\.\d+ |fd00:86::\d/,
  );
});

test("is masqueraded to outside alone, unless told not to", async () => {
  const [one, two] = [await attach("blue"), await attach("blue")];
  const port = 7000;
  await serve(world.host, world.host.outside, [port]);
  await serve(world.host, two.box, [port]);
  const seen = (addresses: readonly string[]) =>
    probe(
      one.box,
      addresses.map((address) => ({ kind: "tcp", address, port })),
    );
  expect(await seen([lan.internet4, lan.internet6])).toEqual([lan.host4, lan.host6]);
  expect(await seen(two.addresses)).toEqual(one.addresses);
  await sh(
    `ip route add 10.86.0.0/24 via ${lan.host4}; ip route add fd00:86::/64 via ${lan.host6}`,
    world.host.outside,
  );
  declare({ masquerade: false });
  await eventually("it keeps its address", async () =>
    Bun.deepEquals(await seen([lan.internet4, lan.internet6]), one.addresses),
  );
  declare();
  await eventually("it has the host's", async () =>
    Bun.deepEquals(await seen([lan.internet4, lan.internet6]), [lan.host4, lan.host6]),
  );
  for (const each of [one, two]) await detach(each);
});

test("sends with its own addresses alone, until it may send with any", async () => {
  const one = await attach("blue");
  const fake = { 4: "10.86.0.99", 6: "fd00:86::99" };
  await sh(
    `ip addr add ${fake[4]}/32 dev eth0; ip addr add ${fake[6]}/128 dev eth0 nodad`,
    one.box,
  );
  // The answers' way.
  await sh(
    `ip route add ${fake[4]} via ${lan.host4}; ip route add ${fake[6]} via ${lan.host6}`,
    world.host.outside,
  );
  const link = one.result.interfaces.find(({ sandbox }: any) => sandbox === undefined).name;
  await sh(`ip route add ${fake[4]} dev ${link}; ip route add ${fake[6]} dev ${link}`);
  const spoofs = () =>
    Promise.all([
      reaches(one.box, lan.host4, `-I ${fake[4]}`),
      reaches(one.box, lan.host6, `-I ${fake[6]}`),
    ]);
  expect(await spoofs()).toEqual([false, false]);
  expect(await reaches(one.box, "fe80::1%eth0")).toBe(true);
  declare({ antiSpoofing: false });
  await eventually("it may", async () => (await spoofs()).every(Boolean));
  declare();
  await eventually("it may not", async () => !(await spoofs()).some(Boolean));
  await detach(one);
});

test("publishes ports, and has the MTU that all hosts can carry", async () => {
  const publish = [{ hostPort: 8086, containerPort: 7000, protocol: "tcp" }];
  const metadata = { name: "web", namespace: "default" };
  const spec = { network: "blue", type: "container", host: "h1", publish };
  world.control.put("ports", { metadata, spec });
  const box = await world.host.addContainer();
  const list = world.list("web", "blue", { args: { cni: { port: "web" } } });
  await world.must("add", list, box);
  await serve(world.host, box, [7000]);
  const published = [lan.host4, lan.host6].map(
    (address) => ({ kind: "tcp", address, port: 8086 }) as const,
  );
  expect(await probe(world.host.outside, published)).toEqual([lan.outside4, lan.outside6]);
  expect((await probe(box, published)).every((answer) => answer !== null)).toBe(true);
  expect((await probe(world.host.netns, published)).every((answer) => answer !== null)).toBe(true);

  const known = world.control.objects.get("networks/default/blue")!;
  world.control.put("networks", { ...known, status: { mtu: 1430 } });
  const mtu = async () => JSON.parse(await sh("ip -j link show eth0", box))[0].mtu;
  await eventually("its MTU follows", async () => (await mtu()) === 1430);
  declare();
  await world.must("del", list, box);
});

test("is one of several networks of a container, routed ones too", async () => {
  declare({}, "green", { "10.87.0.0/24": "green", "fd00:87::/64": "green6" });
  const other = await attach("green");
  const one = await attach("blue");
  const both = await attach("green", "green", "eth1", one.box);
  for (const address of [...other.addresses, lan.internet4, lan.internet6]) {
    expect([address, await reaches(one.box, address)]).toEqual([address, true]);
  }
  expect(await reaches(other.box, both.addresses[0]!)).toBe(true);
  expect(await reaches(other.box, both.addresses[1]!)).toBe(true);
  for (const each of [both, one, other]) await detach(each);
});

/** Another host, which the test's outside plays, with a block of the network. */
function declareElsewhere(address: string): void {
  const metadata = { name: "h2" };
  const underlay = [{ address, prefixLength: 24, mtu: 1500 }];
  world.control.put("hostpeers", { metadata, spec: { underlay } });
  const spec = { network: "default/blue", host: "h2", cidr: "10.86.0.192/26" };
  world.control.put("blockroutes", { metadata: { name: "elsewhere" }, spec });
}

test("reaches containers of other hosts, also while no agent is there, until the network goes", async () => {
  const { control, host } = world;
  const one = await attach("blue");
  await sh(
    `ip addr add 10.86.0.200/32 dev lo; ip route replace 10.86.0.0/26 via ${lan.host4}`,
    host.outside,
  );
  const known = control.objects.get("hosts//h1")!;
  const underlay = [{ address: lan.host4, prefixLength: 24, mtu: 1500 }];
  control.put("hosts", { ...known, status: { ...known.status, underlay } });
  declare({ backend: "host-gw" });
  declareElsewhere(lan.outside4);
  await eventually("it is reached", () => reaches(one.box, "10.86.0.200"));
  const routes = () => sh("ip route show proto 108 metric 10800");
  await eventually("its own block is closed", async () => (await routes()).includes("blackhole"));
  await sh("ip route flush proto 108 metric 10800; ip link set uplink down; ip link set uplink up");
  await eventually("it is repaired", () => reaches(one.box, "10.86.0.200"));

  await world.endAgent("SIGKILL");
  expect(await reaches(one.box, "10.86.0.200")).toBe(true);
  await world.startAgent();
  expect(await reaches(one.box, "10.86.0.200")).toBe(true);

  declareElsewhere("192.0.2.9");
  const condition = () =>
    control.objects
      .get("hosts//h1")
      ?.status.conditions.find(({ type }: any) => type === "NetworkUnavailable");
  await eventually("the host tells of it", () => condition()?.status === "True", 30_000);
  expect(condition().message).toContain('network "default/blue" does not reach host "h2"');
  expect(await routes()).toContain("unreachable 10.86.0.192/26");
  declareElsewhere(lan.outside4);
  await eventually("it is reached again", () => reaches(one.box, "10.86.0.200"));
  await detach(one);

  declare({ backend: "later" });
  const box = await host.addContainer();
  const refused = async () => {
    const { status, stdout } = await world.cni("add", "--json", world.list("blue", "blue"), box);
    return status === 1 && stdout.includes('spec.backend: this release has no \\"later\\"');
  };
  await eventually("it is refused", refused);
  for (const name of Object.values(cidrs)) {
    control.remove("subnets", { namespace: "default", name });
  }
  control.remove("networks", { namespace: "default", name: "blue" });
  await eventually("its routes are gone", async () => !(await routes()).includes("10.86."));
}, 90_000);
