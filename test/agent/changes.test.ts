/** Networks, subnets and ports that change under containers that run. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { lan } from "../support/test-host.ts";
import { eventually, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  await world.startAgent();
});

afterAll(() => world.remove());

const sh = (script: string, netns?: string) => world.host.shell(script, netns);
const works = async (script: string, netns?: string) =>
  (await world.host.run(["sh", "-c", script], netns === undefined ? {} : { netns })).status === 0;
const reaches = (netns: string, address: string, more = "") =>
  works(`ping -c1 -W1 ${more} ${address}`, netns);
const addressOf = (result: any) => result.ips[0].address.split("/")[0];
const indexOf = async (name: string, netns?: string) =>
  JSON.parse(await sh(`ip -j link show ${name}`, netns))[0].ifindex;

/** A container on a network, by a port of this name. */
async function attach(network: string, name: string, spec: Record<string, unknown> = {}) {
  const metadata = { name, namespace: "default" };
  world.control.put("ports", {
    metadata,
    spec: { network, type: "container", host: "h1", ...spec },
  });
  const box = await world.host.addContainer();
  const list = world.list(name, network, { args: { cni: { port: name } } });
  const result = await world.must("add", list, box);
  await eventually("it is ready", () => condition(name, "Ready")?.status === "True");
  return {
    ...{ box, list, result, name },
    change: (next: Record<string, unknown>) => {
      const known = world.control.port(name)!;
      world.control.put("ports", { ...known, spec: { ...known.spec, ...next } });
    },
    async detach() {
      await world.must("del", list, box);
      await eventually("it is gone", () => condition(name, "Ready")?.status === "False");
      world.control.remove("ports", metadata);
    },
  };
}

const condition = (port: string, type: string) =>
  world.control.port(port)?.status?.conditions?.find((one: any) => one.type === type);
const isCurrent = async (port: string, reason: string, words: string) => {
  await eventually(
    `"${port}" tells of ${reason}`,
    () => condition(port, "Current")?.reason === reason,
  );
  expect(condition(port, "Current")).toMatchObject({ status: "False" });
  expect(condition(port, "Current").message).toContain(words);
};

test("a bridge's MTU, masquerading, guards and isolation change under its containers", async () => {
  world.declare("blue", { type: "bridge" }, "10.81.0.0/24");
  const [one, two] = [await attach("blue", "one"), await attach("blue", "two")];
  const index = await indexOf("eth0", one.box);
  expect(await reaches(one.box, lan.internet4)).toBe(false);
  expect(await reaches(one.box, addressOf(two.result), "-M do -s 1400")).toBe(true);

  world.declare("blue", { type: "bridge", masquerade: true, mtu: 1300 }, "10.81.0.0/24");
  await eventually("it is masqueraded", () => reaches(one.box, lan.internet4));
  await eventually(
    "its packets are small",
    async () => !(await reaches(one.box, addressOf(two.result), "-M do -s 1400")),
  );
  expect(await reaches(one.box, addressOf(two.result), "-M do -s 1272")).toBe(true);
  const links = JSON.parse(await sh("ip -j link show type veth; true"));
  const own = links.filter(({ ifname }: any) => /^n[0-9a-f]{14}$/.test(ifname));
  expect(own.map(({ mtu }: any) => mtu)).toEqual([1300, 1300]);

  world.declare("blue", { type: "bridge", portIsolation: true }, "10.81.0.0/24");
  await eventually("they are apart", async () => !(await reaches(one.box, addressOf(two.result))));
  expect(await reaches(one.box, "10.81.0.1", "-M do -s 1400")).toBe(true);
  expect(await reaches(one.box, lan.internet4)).toBe(false);

  // Another source than its own is guarded against until it is not.
  const spoof =
    "ip addr add 10.81.0.99/24 dev eth0 2>/dev/null; ping -c1 -W1 -I 10.81.0.99 10.81.0.1";
  expect(await works(spoof, one.box)).toBe(false);
  world.declare("blue", { type: "bridge", antiSpoofing: false }, "10.81.0.0/24");
  await eventually("it may send with any", () => works(spoof, one.box));

  expect(await indexOf("eth0", one.box)).toBe(index);
  expect(condition("one", "Current")).toBeUndefined();
  expect(world.log).toContain('"event":"changed"');
  expect(world.log).not.toContain('"event":"repaired"');
  for (const { list, box } of [one, two]) await world.must("check", list, box);
  for (const each of [one, two]) await each.detach();
});

test("a running port publishes what it is told to, and waits for a port that another has", async () => {
  world.declare("pub", { type: "bridge" }, "10.82.0.0/24");
  const [web, api] = [await attach("pub", "web"), await attach("pub", "api")];
  const answers = (port: number, from: string) => works(`nc -z -w1 ${lan.host4} ${port}`, from);
  for (const { box } of [web, api]) await serve(box);
  const publish = (hostPort: number) => [{ hostPort, containerPort: 80, protocol: "tcp" }];
  web.change({ publish: publish(8080) });
  await eventually("it answers", () => answers(8080, world.host.outside));
  expect(await answers(8080, web.box)).toBe(true);
  api.change({ publish: publish(8080) });
  await isCurrent("api", "NotApplied", "8080");
  web.change({ publish: publish(8081) });
  await eventually("it moved", () => answers(8081, world.host.outside));
  await eventually(
    "the other has it",
    () => condition("api", "Current")?.status === "True",
    15_000,
  );
  world.declare("pub", { type: "bridge", hairpin: false }, "10.82.0.0/24");
  await eventually("it does not reach itself", async () => !(await answers(8081, web.box)));
  expect(await answers(8081, api.box)).toBe(true);
  expect(await answers(8081, world.host.outside)).toBe(true);
  for (const each of [web, api]) await each.detach();
});

/** Takes connections, until the container goes. */
async function serve(box: string): Promise<void> {
  const script =
    "import socket\ns = socket.create_server(('', 80))\nprint('up', flush=True)\n" +
    "while True: s.accept()";
  const argv = ["nsenter", `--net=/var/run/netns/${box}`, "python3", "-c", script];
  const server = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  world.host.beforeRemoval(() => server.kill("SIGKILL"));
  await server.stdout.getReader().read();
}

test("a further subnet, and other routes, reach a container; other DNS waits for the next", async () => {
  world.declare("many", { type: "bridge" }, "10.83.0.0/24");
  const [one, late] = [await attach("many", "first"), async () => await attach("many", "later")];
  const subnet = (name: string, spec: Record<string, unknown>) =>
    world.control.put("subnets", {
      metadata: { name, namespace: "default" },
      spec: { network: "many", ...spec },
    });
  subnet("many2", { cidr: "10.84.0.0/24", routes: [{ destination: "10.99.0.0/16" }] });
  subnet("many6", { cidr: "fd00:83::/64" });
  await eventually(
    "it has three addresses",
    () => world.control.port("first")?.status.addresses.length === 3,
  );
  expect(await reaches(one.box, "10.84.0.1")).toBe(true);
  expect(await reaches(one.box, "fd00:83::1")).toBe(true);
  expect(await sh("ip route", one.box)).toContain("10.99.0.0/16 via 10.84.0.1");
  subnet("many2", { cidr: "10.84.0.0/24", routes: [{ destination: "10.98.0.0/16" }] });
  await eventually("it has the other route", async () => {
    const routes = await sh("ip route", one.box);
    return routes.includes("10.98.0.0/16 via 10.84.0.1") && !routes.includes("10.99.0.0/16");
  });
  expect(condition("first", "Current")).toBeUndefined();
  const dns = { nameservers: ["10.83.0.2"] };
  subnet("many", { cidr: "10.83.0.0/24", dns });
  await isCurrent("first", "DnsChanged", "detach and attach it");
  const two = await late();
  expect(two.result.dns.nameservers).toEqual(dns.nameservers);
  expect(two.result.ips).toHaveLength(3);
  expect(await reaches(two.box, one.result.ips[0].address.split("/")[0])).toBe(true);
  subnet("many", { cidr: "10.83.0.0/24" });
  await eventually(
    "it is as declared again",
    () => condition("first", "Current")?.status === "True",
  );
  await world.must("check", one.list, one.box);
  for (const each of [one, two]) await each.detach();
});

test("who waits for an address keeps no other container's change waiting", async () => {
  world.declare("scarce", { type: "bridge" }, "10.87.0.0/24");
  world.declare("quick", { type: "bridge" }, "10.88.0.0/24");
  const short = ["s1", "s2", "s3", "s4"];
  const all = [];
  for (const name of short) all.push(await attach("scarce", name));
  const quick = await attach("quick", "quick");
  world.control.lends = (subnet) => subnet !== "default/scarce2";
  const metadata = { name: "scarce2", namespace: "default" };
  world.control.put("subnets", { metadata, spec: { network: "scarce", cidr: "10.89.0.0/24" } });
  const isWaiting = (name: string) => world.control.port(name)?.status.wantedAddresses?.length > 0;
  await eventually("one waits", () => short.some(isWaiting));
  world.declare("quick", { type: "bridge", mtu: 1300 }, "10.88.0.0/24");
  await eventually("its MTU is another", async () =>
    (await sh("ip link show eth0", quick.box)).includes("mtu 1300"),
  );
  // None has waited in vain yet: they wait at once, and not one after the other.
  expect(short.filter((name) => condition(name, "Current"))).toEqual([]);
  for (const name of short) await isCurrent(name, "NotApplied", "No address to be had");
  world.control.lends = () => true;
  const haveTwo = () =>
    short.every((name) => world.control.port(name)?.status.addresses.length === 2);
  await eventually("all have two addresses", haveTwo, 40_000);
  for (const each of [...all, quick]) await each.detach();
}, 90_000);

test("what a runtime was told, and what takes a new link, is told in the port's condition", async () => {
  world.declare("lan", { type: "macvlan", parent: "uplink" }, "10.85.0.0/24");
  const one = await attach("lan", "rigid", { fixedIps: [{ address: "10.85.0.9" }] });
  one.change({ fixedIps: [{ address: "10.85.0.10" }] });
  await isCurrent("rigid", "AddressesChanged", "10.85.0.9");
  expect(await works("ip addr show dev eth0 | grep -q 10.85.0.9/24", one.box)).toBe(true);
  one.change({ fixedIps: [{ address: "10.85.0.9" }], mac: "02:00:5e:00:53:07" });
  await isCurrent("rigid", "MacChanged", "02:00:5e:00:53:07");
  one.change({ mac: undefined });
  await eventually("it is as declared", () => condition("rigid", "Current")?.status === "True");
  world.declare("lan", { type: "macvlan", parent: "uplink", mode: "vepa" }, "10.85.0.0/24");
  await isCurrent("rigid", "NetworkChanged", 'the mode of "eth0"');
  world.declare("lan", { type: "macvlan", parent: "uplink", mtu: 1400 }, "10.85.0.0/24");
  await eventually("it is as declared", () => condition("rigid", "Current")?.status === "True");
  expect(await sh("ip link show eth0", one.box)).toContain("mtu 1400");
  world.declare("lan", { type: "macvlan", parent: "uplink", mtu: 9000 }, "10.85.0.0/24");
  await isCurrent("rigid", "NotApplied", 'more than the 1500 of the parent "uplink"');
  await one.detach();
});

test("a change that came while the agent was away is made when it is back", async () => {
  world.declare("away", { type: "ptp" }, "10.86.0.0/24");
  const one = await attach("away", "sleeper");
  expect(await reaches(one.box, lan.internet4)).toBe(false);
  await world.endAgent("SIGKILL");
  world.declare("away", { type: "ptp", masquerade: true, mtu: 1400 }, "10.86.0.0/24");
  await world.startAgent();
  await eventually("it is masqueraded", () => reaches(one.box, lan.internet4));
  expect(await sh("ip link show eth0", one.box)).toContain("mtu 1400");
  await one.detach();
});

test("a virtual machine keeps its tap through a change of its network", async () => {
  world.declare("vms", { type: "bridge" }, "10.87.0.0/24");
  const metadata = { name: "vm1", namespace: "default" };
  const spec = { network: "vms", type: "vm", host: "h1", tap: { name: "vmtap1" } };
  world.control.put("ports", { metadata, spec });
  await eventually("it is ready", () => condition("vm1", "Ready")?.status === "True");
  const index = await indexOf("vmtap1");
  const mac = "02:00:5e:00:53:08";
  world.control.put("ports", { ...world.control.port("vm1")!, metadata, spec: { ...spec, mac } });
  world.declare("vms", { type: "bridge", mtu: 1400 }, "10.87.0.0/24");
  await eventually("its tap has the MTU", async () =>
    (await sh("ip link show vmtap1")).includes("mtu 1400"),
  );
  await eventually("its guards know the address", async () =>
    (await sh("nft list ruleset")).includes(`"vmtap1" . ${mac}`),
  );
  expect(await indexOf("vmtap1")).toBe(index);
  expect(world.control.port("vm1")?.status.mac).toBe(mac);
  world.control.remove("ports", metadata);
  await eventually("the tap is gone", async () => !(await sh("ip -br link")).includes("vmtap1"));
});
