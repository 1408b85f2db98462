/** What ports of declared networks may not send reaches nobody, by whatever link they send. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { arrive, type End } from "../packets/raw-frames.ts";
import { type Attack, attacks, type Cast, endFrame, honest } from "../packets/spoofed.ts";
import { eventually, World } from "./world.ts";

let world: World;
let listener: End;

const six = "fd00:92::";
const subnets = (network: string) => {
  for (const [name, cidr] of [
    [network, "10.92.0.0/24"],
    [`${network}6`, `${six}/64`],
  ]) {
    world.control.put("subnets", {
      metadata: { name, namespace: "default" },
      spec: { network, cidr },
    });
  }
};

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge" });
  subnets("blue");
  await world.startAgent();
  const box = await world.host.addContainer();
  await world.must("add", world.list("blue", "blue"), box);
  listener = { netns: box, link: "eth0" };
});

afterAll(() => world.remove());

const macOf = (i: number) => `02:00:5e:00:92:0${i}`;
const castOf = (i: number): Cast => ({
  ...{ mac: macOf(i), ipv4: `10.92.0.1${i}`, ipv6: `${six}1${i}` },
  ...{ otherMac: "02:66:66:66:66:66", otherIpv4: "10.92.0.77", otherIpv6: `${six}77` },
});

async function declare(name: string, i: number, more: Record<string, unknown>): Promise<void> {
  const { mac, ipv4, ipv6 } = castOf(i);
  const fixedIps = [{ address: ipv4 }, { address: ipv6 }];
  const metadata = { name, namespace: "default" };
  world.control.put("ports", {
    metadata,
    spec: { network: "blue", host: "h1", mac, fixedIps, ...more },
  });
  await eventually(`${name} is ready`, () =>
    world.control
      .port(name)
      ?.status?.conditions?.some(({ type, status }: any) => type === "Ready" && status === "True"),
  );
}

/** What each is behind: a machine's device, a tap with a name, a container. */
const senders: [string, () => Promise<{ readonly end: End; readonly cast: Cast }>][] = [
  [
    "a machine behind a device",
    async () => {
      const machine = await world.host.addContainer();
      const make = `ip link add phys0 type veth peer name eth0 netns ${machine} address ${macOf(1)}`;
      await world.host.shell(make);
      await world.host.shell("ip link set eth0 up", machine);
      await declare("metal", 1, { type: "baremetal", device: "phys0" });
      return { end: { netns: machine, link: "eth0" }, cast: castOf(1) };
    },
  ],
  [
    "a virtual machine behind a tap that its operator named",
    async () => {
      await declare("vm", 2, { type: "vm", tap: { name: "vmtap2" } });
      return { end: { netns: world.host.netns, link: "vmtap2", isTap: true }, cast: castOf(2) };
    },
  ],
  [
    "a container",
    async () => {
      const { mac, ipv4, ipv6 } = castOf(3);
      const fixedIps = [{ address: ipv4 }, { address: ipv6 }];
      world.control.put("ports", {
        metadata: { name: "box", namespace: "default" },
        spec: { network: "blue", host: "h1", type: "container", mac, fixedIps },
      });
      const box = await world.host.addContainer();
      await world.must("add", world.list("box", "blue", { args: { cni: { port: "box" } } }), box);
      return { end: { netns: box, link: "eth0" }, cast: castOf(3) };
    },
  ],
];

for (const [name, make] of senders) {
  test(`${name} sends as itself alone, and is no router, until its network lets it`, async () => {
    const { end, cast } = await make();
    const passes = async (tries: readonly Attack[]) => {
      const frames = tries.map(({ frame, claim, bypass }) => ({
        bytes: frame(cast),
        claim,
        bypass,
      }));
      return arrive(end, listener, frames, endFrame(cast));
    };
    expect(await passes(attacks)).toEqual(attacks.map(() => false));
    expect(await passes(honest)).toEqual(honest.map(() => true));
    world.declare("blue", { type: "bridge", antiSpoofing: false, sendRouterAdvertisements: true });
    await eventually("all of it arrives", async () => (await passes(attacks)).every(Boolean));
    world.declare("blue", { type: "bridge" });
    await eventually("none of it arrives", async () => !(await passes(attacks)).some(Boolean));
  });
}
