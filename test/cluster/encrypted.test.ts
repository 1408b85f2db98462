/** Encrypted overlays: what the fabric sees of them, and that nothing goes where they can't. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hostKind, rotateKeyAnnotation } from "../../src/api/kinds/host.ts";
import { encryptedVxlanPort } from "../../src/model/encapsulation.ts";
import { eventually } from "../agent/world.ts";
import { has, needs, worthRunning } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import { shell } from "../support/run.ts";
import type { Box } from "./box.ts";
import { capture } from "./capture.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

const subnets = [
  { cidr: "10.80.0.0/24", blockSize: 28 },
  { cidr: "fd80::/112", blockSize: 124 },
];
const sealed = { type: "overlay", encryption: "wireguard" };
/** All that the fabric carries of a network: TCP is the agents', and ICMP the neighbours'. */
const carried = "udp or proto gre or proto 4 or proto 41";
const isSealed = (line: string) => /[.]51820 > .*[.]51820: UDP/.test(line);

const vxlanHeader = (vni: number) => `08000000${vni.toString(16).padStart(6, "0")}00`;
/** From 10.80.0.250 to 10.80.0.251, without data; nobody looks at its checksums. */
const udpTo7777 = "4500001c00000000401100000a5000fa0a5000fb1e611e6100080000";

let cluster: FabricCluster;
let [one, , three]: FabricHost[] = [];
beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: has("wireguard") ? 3 : 1 });
  [one, , three] = cluster.hosts;
}, patient(120_000));
afterAll(() => cluster?.remove());

const removed = async (network: string, boxes: readonly Box[]) => {
  for (const box of boxes) await box.detach();
  await cluster.delete("Network", network, { cascade: true });
};
/** A container on each host; on a busy machine a new network's first blocks may come late. */
const attached = (network: string): Promise<Box[]> =>
  Promise.all(
    cluster.hosts.map(async (host) => {
      for (let tries = 3; ; tries--) {
        try {
          return await host.attach(network);
        } catch (error) {
          if (tries === 0 || !String(error).includes("Try again")) throw error;
        }
      }
    }),
  );
const meet = (boxes: readonly Box[]) =>
  eventually("all meet", async () => (await unreached(boxes)).length === 0, patient(30_000));
const left = async (host: FabricHost) =>
  (await host.shell("ip -o link; ip -6 route; nft list ruleset"))
    .split("\n")
    .filter((line) => /nlw0|fd6e:|14789/.test(line));
const trouble = async (host: FabricHost) => {
  const { status } = (await cluster.find("Host", host.name))!;
  const found = status.conditions.find(({ type }: any) => type === "NetworkUnavailable");
  return found?.status === "True" ? (found.message as string) : "";
};

for (const _ of worthRunning([{ lacks: "wireguard" }])) {
  test("a host without WireGuard in its kernel refuses the port, and says what to do", async () => {
    await cluster.network("alone", sealed, ...subnets);
    await expect(one!.attach("alone")).rejects.toThrow(
      "unencrypted, and the host has no tunnel: This kernel lacks wireguard (CONFIG_WIREGUARD): " +
        "load the module (modprobe wireguard)",
    );
    await cluster.delete("Network", "alone", { cascade: true });
    await eventually("nothing is left", async () => (await left(one!)).length === 0, 20_000);
  });
}

for (const [underlayProtocol, mtu] of [
  ["ipv4", 1370],
  ["ipv6", 1338],
] as const) {
  needs("wireguard").test(
    `all pairs reach each other over ${underlayProtocol}, and the fabric sees tunnels only`,
    async () => {
      await cluster.network(underlayProtocol, { ...sealed, underlayProtocol }, ...subnets);
      const heard = await one!.capture(carried, async () => {
        const boxes = await attached(underlayProtocol);
        await meet(boxes);
        const [from, to] = boxes as [Box, Box];
        expect(await from.mtu()).toBe(mtu);
        for (const address of to.addresses) {
          expect(await from.passes(address, mtu)).toBe(true);
          expect(await from.passes(address, mtu + 1)).toBe(false);
        }
        expect(await trouble(one!)).toBe("");
        await removed(underlayProtocol, boxes);
      });
      expect(heard.lines.length).toBeGreaterThan(20);
      expect(heard.lines.filter((line) => !isSealed(line))).toEqual([]);
      const family = underlayProtocol === "ipv4" ? "IPv4" : "IPv6";
      expect(heard.lines.every((line) => line.includes(`ethertype ${family}`))).toBe(true);
      for (const host of cluster.hosts) {
        const isGone = async () => (await left(host)).length === 0;
        await eventually(`nothing is left on ${host.name}`, isGone, patient(20_000));
      }
    },
    120_000,
  );
}

needs("wireguard").describe("with traffic running", () => {
  let boxes: Box[];
  beforeAll(async () => {
    if (!has("wireguard")) return;
    await cluster.network("sealed", sealed, ...subnets);
    boxes = await attached("sealed");
    await meet(boxes);
  }, patient(60_000));
  afterAll(async () => {
    if (has("wireguard")) await removed("sealed", boxes);
  });

  needs("wireguard").test(
    "no packet is lost when an agent is killed and started again",
    async () => {
      const flow = boxes[0]!.flow(boxes[1]!.address(), 20);
      await one!.restartAgent();
      const { sent, lost } = await flow.stop();
      expect(sent).toBeGreaterThan(50);
      expect(lost).toBe(0);
    },
    60_000,
  );

  needs("wireguard").test(
    "a tunnel that an outside hand takes is back soon, and nothing leaves without it",
    async () => {
      const [from, to] = boxes as [Box, Box];
      const heard = await one!.capture(carried, async () => {
        const flow = from.flow(to.address(), 10);
        await one!.shell("ip link del nlw0");
        await meet([from, to]);
        // Of what keeps packets back without it, either does.
        for (const also of ["nft flush ruleset", "ip -6 route flush proto 108"]) {
          await one!.shell(`${also}; ip link del nlw0`);
          await meet([from, to]);
        }
        expect((await flow.stop()).lost).toBeGreaterThan(0);
      });
      expect(heard.lines.filter((line) => !isSealed(line))).toEqual([]);
    },
    120_000,
  );

  needs("wireguard").test(
    "what somebody on the fabric says in a segment's name is not heard there",
    async () => {
      const [at] = boxes as [Box];
      const { vni } = (await cluster.find("Network", "sealed"))!.status;
      const packet = `${vxlanHeader(vni)}${"ff".repeat(6)}0200000000090800${udpTo7777}`;
      const program = `import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(bytes.fromhex("${packet}"), ("${one!.addresses[1]}", 14789))`;
      const say = () => shell(`python3 -c '${program}'`, { netns: cluster.fabric.router });
      const wire = { netns: at.netns, link: "eth0", filter: "udp port 7777" };
      expect((await capture(wire, say)).lines).toEqual([]);
      // Else it would be.
      const tables = await one!.shell("nft list tables inet");
      const guard = /netloom_\w+_tunnel/.exec(tables)![0];
      const heard = await capture(wire, async () => {
        await one!.shell(`nft delete table inet ${guard}`);
        await say();
      });
      expect(heard.lines).toHaveLength(1);
      const isBack = async () => (await one!.shell("nft list tables inet")).includes(guard);
      await eventually("the guard is back", isBack, patient(20_000));
      expect((await capture(wire, say)).lines).toEqual([]);
    },
    120_000,
  );

  needs("wireguard").test(
    "a host that has told no key is not reached, and it is said",
    async () => {
      const [from, , to] = boxes as [Box, Box, Box];
      await three!.killAgent();
      await cluster.client.of(hostKind).status.mergePatch({ name: three!.name }, {
        status: { publicKey: null },
      } as never);
      await eventually(
        "it is said",
        async () =>
          (await trouble(one!)).includes(
            'network "default/sealed" does not reach host "h3": its WireGuard key is not known yet',
          ),
        patient(30_000),
      );
      const heard = await one!.capture(carried, async () => {
        for (const address of to.addresses) expect(await from.reaches(address)).toBe(false);
      });
      expect(heard.lines.filter((line) => !isSealed(line))).toEqual([]);
      await three!.startAgent();
      await meet([from, to]);
      const isOver = async () => (await trouble(one!)) === "";
      await eventually("it is over", isOver, patient(30_000));
    },
    120_000,
  );

  needs("wireguard").test(
    "a key that is rotated costs few packets",
    async () => {
      const [from, to] = boxes as [Box, Box];
      const keyOf = async () => (await cluster.find("Host", "h1"))!.status.publicKey;
      const before = await keyOf();
      const flow = from.flow(to.address(), 20);
      await Bun.sleep(500);
      await cluster.client.of(hostKind).mergePatch({ name: "h1" }, {
        metadata: { annotations: { [rotateKeyAnnotation]: "1" } },
      } as never);
      await eventually("it is told", async () => (await keyOf()) !== before, patient(20_000));
      await meet(boxes);
      const { sent, lost, longestGapMs } = await flow.stop();
      throw new Error(
        `FIGURE key rotated: ${lost} of ${sent} lost, longest gap ${longestGapMs} ms`,
      );
    },
    120_000,
  );
});

needs("wireguard").test(
  "a network that is to be encrypted from now on leaves no host plain once it has heard",
  async () => {
    await cluster.network("later", { type: "overlay" }, ...subnets);
    const boxes = await attached("later");
    await meet(boxes);
    const [from, to] = boxes as [Box, Box];
    const flow = from.flow(to.address(), 10);
    const isSealedAt = async (host: FabricHost) =>
      (await host.shell("cat /proc/net/udp6")).includes(
        `:${encryptedVxlanPort.toString(16).toUpperCase()} `,
      );
    const isUp = async () => (await Promise.all(cluster.hosts.map(isSealedAt))).every(Boolean);
    await cluster.change("Network", "later", { spec: { encryption: "wireguard" } });
    await eventually("all segments are in tunnels", isUp, patient(20_000));
    const heard = await one!.capture(carried, () => meet(boxes));
    expect(heard.lines.filter((line) => !isSealed(line))).toEqual([]);
    await flow.stop();
    await eventually("MTU", async () => (await from.mtu()) === 1370, patient(20_000));
    await cluster.change("Network", "later", { spec: { encryption: "none" } });
    await eventually(
      "all are plain",
      async () => (await Promise.all(cluster.hosts.map(left))).every((lines) => lines.length === 0),
      patient(20_000),
    );
    await meet(boxes);
    await removed("later", boxes);
  },
  180_000,
);
