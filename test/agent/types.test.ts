/** Each type of network, declared over the real API and attached by CNI, from begin to end. */
import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { type Feature, needs, worthRunning } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import { lan } from "../support/test-host.ts";
import { eventually, World } from "./world.ts";

interface Kind {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly subnet?: Readonly<Record<string, unknown>>;
  /** Who answers the container's pings. */
  readonly peer?: string;
  /** What an outside hand does, on the host or in the container; the container's pings tell. */
  readonly drift?: readonly { readonly at: "host" | "container"; readonly does: string }[];
  /** In the container's rules while it is attached. */
  readonly guard?: string;
  readonly needs?: readonly Feature[];
}

const onLan = {
  cidr: "198.51.100.0/24",
  gateway: lan.outside4,
  allocationPools: [{ start: "198.51.100.64", end: "198.51.100.127" }],
};
const inVlan = { cidr: "10.90.7.0/24" };
/** Guards let no other send, and the network knows it. */
const mac = { at: "container", does: "ip link set eth0 address 02:00:00:00:00:01" } as const;
const inside = [
  { at: "container", does: "ip link del eth0" },
  { at: "container", does: "ip addr flush dev eth0" },
  { at: "container", does: "ip link set eth0 down" },
] as const;
const hostEnd = { at: "host", does: "ip link del $link" } as const;
const rules = { at: "host", does: "nft flush ruleset" } as const;
const guard = "table netdev netloom_";

const kinds: readonly Kind[] = [
  {
    name: "bridge",
    spec: { type: "bridge", masquerade: true },
    subnet: { cidr: "10.90.1.0/24" },
    peer: lan.internet4,
    drift: [...inside, mac, hostEnd, { at: "host", does: "ip link del $bridge" }, rules],
  },
  {
    name: "ptp",
    spec: { type: "ptp", masquerade: true },
    subnet: { cidr: "10.90.2.0/24" },
    peer: lan.internet4,
    drift: [...inside, hostEnd, rules],
  },
  {
    name: "routed",
    spec: { type: "routed" },
    subnet: { cidr: "10.90.4.0/24" },
    peer: lan.internet4,
    drift: [
      ...inside,
      mac,
      hostEnd,
      rules,
      { at: "host", does: "ip route flush dev $link" },
      { at: "host", does: "ip addr flush dev $link" },
    ],
  },
  {
    name: "macvlan",
    spec: { type: "macvlan", parent: "uplink", mode: "private", maxMacs: 9, mtu: 1400 },
    subnet: onLan,
    peer: lan.outside4,
    drift: [...inside, mac],
    guard,
  },
  {
    name: "macvlan, with a shim",
    spec: { type: "macvlan", parent: "uplink", hostShim: true },
    subnet: onLan,
    peer: lan.host4,
    drift: [...inside, { at: "host", does: "ip link del $shim" }],
    guard,
  },
  {
    name: "macvlan in a VLAN",
    spec: { type: "macvlan", parent: "uplink", vlan: 7 },
    subnet: inVlan,
    peer: "10.90.7.1",
    drift: [...inside, { at: "host", does: "ip link del uplink.7" }],
    guard,
    needs: ["vlan"],
  },
  {
    name: "ipvlan",
    spec: { type: "ipvlan", parent: "uplink", ipvlanFlag: "bridge" },
    subnet: onLan,
    peer: lan.outside4,
    drift: inside,
    guard,
    needs: ["ipvlan"],
  },
  {
    name: "ipvlan, routed",
    spec: { type: "ipvlan", parent: "uplink", mode: "l3" },
    subnet: { cidr: "10.90.3.0/24" },
    peer: lan.outside4,
    drift: inside,
    needs: ["ipvlan"],
  },
  {
    name: "vlan",
    spec: { type: "vlan", parent: "uplink", vlan: 7 },
    subnet: inVlan,
    peer: "10.90.7.1",
    drift: inside,
    guard,
    needs: ["vlan"],
  },
  { name: "host", spec: { type: "host" } },
  { name: "none", spec: { type: "none" }, peer: "127.0.0.1" },
];

let world: World;

beforeAll(async () => {
  world = await World.make({ control: false });
  const { host } = world;
  await host.shell("ip route add 10.90.3.0/24 via 198.51.100.1", host.outside);
  if (!needs("vlan").missing) {
    const trunk = "ip link add link lan name lan.7 type vlan id 7; ip link set lan.7 up";
    await host.shell(`${trunk}; ip addr add 10.90.7.1/24 dev lan.7`, host.outside);
  }
  await world.startAgent({ command: "up" });
}, patient(60_000));

afterAll(() => world.remove());

const works = async (script: string, netns?: string) =>
  (await world.host.run(["sh", "-c", script], netns === undefined ? {} : { netns })).status === 0;

function manifest({ spec, subnet }: Kind, name: string): string {
  const object = (kind: string, of: object) => ({
    ...{ apiVersion: "netloom.dev/v1alpha1", kind, metadata: { name } },
    spec: of,
  });
  const subnets = subnet ? [object("Subnet", { network: name, ...subnet })] : [];
  const all = [object("Network", spec), ...subnets, object("Port", { network: name, host: "h1" })];
  return all.map((one) => JSON.stringify(one)).join("\n---\n");
}

const port = async (name: string) =>
  JSON.parse(await world.done(["get", "port", name, "-o", "json"]));
const isReady = async (name: string, status: "True" | "False") =>
  (await port(name)).status?.conditions?.some(
    (one: any) => one.type === "Ready" && one.status === status,
  );
/** How many repairs the log tells of, that the kernel's notice led to or a look at everything. */
const repairs = (foundBy: "notice" | "pass") =>
  world.log
    .split("\n")
    .filter((line) => /"event":"(repaired|rules restored)"/.test(line))
    .filter((line) => line.includes(`"foundBy":"${foundBy}"`)).length;
const allRepairs = () => repairs("notice") + repairs("pass");

/**
 * Has an outside hand do something, until its repair follows from a notice: a look at everything
 * that happens to be under way may come before it.
 */
async function noticed(hand: () => Promise<void>, isBack: () => Promise<boolean>): Promise<void> {
  for (let tries = 3; tries > 0; tries--) {
    const [notices, all] = [repairs("notice"), allRepairs()];
    await hand();
    await eventually("it is back", isBack, patient(15_000));
    await eventually("the log tells of it", () => allRepairs() > all, patient(15_000));
    if (repairs("notice") > notices) return;
  }
  throw new Error("no notice led to a repair");
}

async function breakAndWait(kind: Kind, box: string, name: string): Promise<void> {
  const { hostLink = "none" } = (await port(name)).status.attachment;
  const isBack = () => works(`ping -c1 -W1 ${kind.peer}`, box);
  for (const { at, does } of kind.drift ?? []) {
    const links = JSON.parse(await world.host.shell("ip -j link"));
    const named = (start: string) =>
      links.find(({ ifname }: any) => ifname.startsWith(start))?.ifname;
    const script = does
      .replace("$link", hostLink)
      .replace("$bridge", named("nlb-"))
      .replace("$shim", named("nls-"));
    const hand = async () => void (await world.host.shell(script, at === "host" ? undefined : box));
    await noticed(hand, isBack).catch((error) => {
      throw new Error(`"${does}": ${error.message}`);
    });
  }
  if (kind.guard === undefined) return;
  const isGuarded = async () => (await world.host.shell("nft list ruleset", box)).includes(guard);
  await noticed(async () => void (await world.host.shell("nft flush ruleset", box)), isGuarded);
}

for (const [i, kind] of worthRunning(kinds).entries()) {
  needs(...(kind.needs ?? [])).test(
    kind.name,
    async () => {
      const { host } = world;
      const name = `net${i}`;
      await world.done(["apply", "-f", "-"], manifest(kind, name));
      const box = await host.addContainer();
      const list = world.list(name, name, { args: { cni: { port: name } } });
      const result = await world.must("add", list, box);
      await eventually("it is ready", () => isReady(name, "True"), patient(10_000));
      const row = (await world.done(["get", "ports"]))
        .split("\n")
        .find((line) => line.startsWith(`${name} `));
      const { status } = await port(name);
      const told = status.addresses.map(({ address }: any) => address);
      const given = (result.ips ?? []).map(({ address }: any) => address.split("/")[0]);
      if (kind.subnet) expect(told).toEqual(given);
      expect(row?.split(/\s+/).slice(0, 5)).toEqual([
        ...[name, name, told.join() || "<none>", "h1", "True"],
      ]);
      if (kind.peer) await host.shell(`ping -c1 -W2 ${kind.peer}`, box);
      else expect(told).toEqual([lan.host4, lan.host6]);
      const rulesInside = () => host.shell("nft list ruleset", box);
      if (kind.guard) expect(await rulesInside()).toContain(kind.guard);

      await breakAndWait(kind, box, name);

      await world.endAgent("SIGKILL");
      if (kind.peer) await host.shell(`ping -c1 -W2 ${kind.peer}`, box);
      if (kind.drift) await host.shell("ip link del eth0", box);
      await world.startAgent({ command: "up" });
      const answers = () => works(`ping -c1 -W1 ${kind.peer ?? "127.0.0.1"}`, box);
      await eventually("it is whole again", answers, patient(15_000));
      await world.must("check", list, box);

      await world.must("del", list, box);
      await eventually("it is detached", () => isReady(name, "False"), patient(10_000));
      await world.done(["delete", "port", name]);
      await world.done(["delete", "network", name, "--cascade=foreground"]);
      const left = async () => [
        (await host.shell("ip -d link; nft list tables")).match(/netloom[_:]\S*|nlb-|nls-/g),
        (await host.shell("ip -br link; nft list tables", box)).match(/eth0|netloom_\S*/g),
        filesOf("attachments"),
        filesOf("ports"),
      ];
      await eventually(
        "nothing is left",
        async () => JSON.stringify(await left()) === "[null,null,[],[]]",
        patient(10_000),
      ).catch(async (error) => {
        throw new Error(`${error.message}: ${JSON.stringify(await left())}`);
      });
    },
    120_000,
  );
}

/** Files in a folder of the agent's engine. */
function filesOf(folder: string): string[] {
  const state = `${world.host.dir}/state/instances`;
  const folders = readdirSync(state).map((instance) => `${state}/${instance}/${folder}`);
  return folders.filter(existsSync).flatMap((path) => readdirSync(path));
}
