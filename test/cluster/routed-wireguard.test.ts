/** Backend `wireguard` of routed networks: four hosts, and what leaves them meanwhile. */
import { afterAll, beforeAll, expect } from "bun:test";
import { eventually } from "../agent/world.ts";
import { needs } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

/** What must not be on the fabric: addresses of containers, and what is wrapped otherwise. */
const plain = "net 10.90.0.0/15 or net fd90::/16 or net fd91::/16 or udp port 4789";

const wireguard = needs("wireguard");
let cluster: FabricCluster;
let boxes: Box[] = [];
beforeAll(async () => {
  if (!wireguard.missing) cluster = await FabricCluster.start({ hosts: 4 });
}, patient(120_000));
afterAll(() => cluster?.remove());

/** As a runtime does, again where it is told to: in the VM all takes long. */
async function attached(host: FabricHost, network: string): Promise<Box> {
  for (let tries = 5; ; tries--) {
    try {
      return await host.attach(network);
    } catch (error) {
      if (tries === 0 || !(error as Error).message.includes('"code": 11')) throw error;
    }
  }
}

async function allReached(): Promise<void> {
  const isDone = async () => (await unreached(boxes)).length === 0;
  await eventually("all pairs reach each other", isDone, patient(30_000)).catch(async (error) => {
    const { status } = await cluster.holds("Host", "h1", () => true);
    const told = JSON.stringify(status.conditions);
    throw new Error(`${error.message}: ${await unreached(boxes)}: ${told}`);
  });
}

for (const [underlayProtocol, net, mtu] of [
  ["ipv6", "91", 1408],
  ["ipv4", "90", 1440],
] as const) {
  wireguard.test(
    `all pairs reach each other encrypted by ${underlayProtocol}, and nothing goes plainly`,
    async () => {
      await cluster.network(
        underlayProtocol,
        { type: "routed", backend: "wireguard", underlayProtocol },
        { cidr: `10.${net}.0.0/22`, blockSize: 26 },
        { cidr: `fd${net}::/112`, blockSize: 122 },
      );
      const [host] = cluster.hosts;
      const all = await host!.capture(plain, async () => {
        boxes = [];
        for (const each of cluster.hosts) boxes.push(await attached(each, underlayProtocol));
        await allReached();
        const [one, two] = boxes as [Box, Box];
        const isTold = async () => (await one.mtu()) === mtu;
        await eventually("its MTU is the network's", isTold, patient(20_000));
        const heard = await host!.capture("udp port 51820", async () => {
          for (const address of two.addresses) {
            expect([address, await one.passes(address, mtu)]).toEqual([address, true]);
            expect([address, await one.passes(address, mtu + 1)]).toEqual([address, false]);
          }
        });
        expect(heard.lines.length).toBeGreaterThan(0);
      });
      expect(all.lines).toEqual([]);
      if (underlayProtocol === "ipv4") return;
      // One tunnel a host is by one family: by IPv4 as soon as a network says so.
      for (const box of boxes) await box.detach();
      await cluster.delete("Network", underlayProtocol, { cascade: true });
    },
    240_000,
  );
}

wireguard.test(
  "without its link nothing leaves plainly, and packets pass again",
  async () => {
    const [one, two] = boxes as [Box, Box];
    const [host] = cluster.hosts;
    const flow = one.flow(two.address(), 20);
    const heard = await host!.capture(plain, async () => {
      await host!.killAgent();
      await host!.shell("ip link del nlw0");
      await Bun.sleep(1000);
      await host!.startAgent();
      await allReached();
      await Bun.sleep(500);
    });
    expect(heard.lines).toEqual([]);
    const { lost, sent } = await flow.stop();
    expect(lost).toBeGreaterThan(10);
    expect(lost).toBeLessThan(sent);
  },
  120_000,
);

wireguard.test(
  "a live network goes to VXLAN and back with less than a second's loss",
  async () => {
    const [one, two] = boxes as [Box, Box];
    for (const [backend, link] of [
      ["vxlan", "nlx-"],
      ["wireguard", "nlw0"],
    ] as const) {
      const flow = one.flow(two.address(), 20);
      await cluster.change("Network", "ipv4", { spec: { backend } });
      for (const { world } of cluster.hosts) {
        const isOver = async () => {
          const routes = (await world.host.shell("ip route; ip -6 route")).split("\n");
          const ways = routes.filter((line) => /^(10\.90|fd90).* dev nl[wx]/.test(line));
          return ways.length > 0 && ways.every((line) => line.includes(` dev ${link}`));
        };
        await eventually(`routes lead by ${backend}`, isOver, patient(20_000));
      }
      await Bun.sleep(1000);
      const { sent, longestGapMs } = await flow.stop();
      expect(sent).toBeGreaterThan(50);
      expect([backend, longestGapMs < 1000, longestGapMs]).toEqual([backend, true, longestGapMs]);
      await allReached();
    }
  },
  120_000,
);

wireguard.test(
  "the last network takes the tunnel along",
  async () => {
    for (const box of boxes) await box.detach();
    await cluster.delete("Network", "ipv4", { cascade: true });
    for (const { world } of cluster.hosts) {
      const isGone = async () =>
        !/nlw0|fd90|10\.90/.test(await world.host.shell("ip -br link; ip route; ip -6 route"));
      await eventually("link and routes are gone", isGone, patient(20_000));
    }
  },
  60_000,
);
