/** Hosts on a fabric, joined by tunnels as their node specs have it: begun, changed, ended. */
import { expect, test } from "bun:test";
import { patient } from "../../../test/support/patience.ts";
import { desiredOf } from "../routed/desired.ts";
import { apart } from "../routed/entries.ts";
import { Fabric, type FabricHost, pings } from "../routed/fabric-fixture.ts";
import type { RoutedView } from "../routed/view.ts";
import { UdpTunnels } from "./udp-tunnels.ts";

const main = `${import.meta.dir}/../../main.ts`;

/** The agent's part of one host. */
class Side implements AsyncDisposable {
  readonly host: FabricHost;
  readonly tunnels: UdpTunnels;
  news = 0;

  constructor(host: FabricHost) {
    this.host = host;
    const command = ["nsenter", `--net=${host.netns.path}`, process.execPath, main];
    this.tunnels = new UdpTunnels({ command, log: () => {}, onNews: () => this.news++ });
  }

  /** Gives what the kernel refuses. */
  bring(view: RoutedView): readonly string[] {
    const { kernel, tunnels } = apart(desiredOf(view).entries);
    const held = this.tunnels.release(tunnels);
    for (const name of held)
      kernel.set(`device ${name}`, this.host.kernel.applied.get(`device ${name}`)!);
    const { failures } = this.host.kernel.bring(kernel, true);
    this.tunnels.want(tunnels, (device) => this.host.kernel.applied.has(`device ${device}`));
    return failures;
  }

  [Symbol.asyncDispose]() {
    this.tunnels.release(new Map());
    return this.tunnels[Symbol.asyncDispose]();
  }
}

function joined(count: number) {
  const held = new AsyncDisposableStack();
  const fabric = held.use(new Fabric(count));
  const sides = fabric.hosts.map((host) => held.use(new Side(host)));
  const bring = (spec: object) =>
    sides.flatMap((side, i) => side.bring(fabric.view(i + 1, { backend: "udp", ...spec })));
  return { fabric, sides, bring, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + patient(10_000);
  while (!condition()) {
    if (performance.now() > end) throw new Error("It takes too long");
    await Bun.sleep(20);
  }
}

const links = ({ netns }: FabricHost): string[] =>
  netns.json("ip", "-j", "link", "show", "type", "tun").map(({ ifname }: any) => ifname);

/** The kernel drops what is sent by a link whose process has just come, until it heeds that. */
const takesPackets = ({ netns }: FabricHost, device: string): boolean =>
  netns.json("ip", "-j", "link", "show", device)[0].operstate !== "DOWN";

test(
  "all pairs reach each other, over each family, a full packet and none longer",
  async () => {
    await using world = joined(3);
    const { fabric, sides, bring } = world;
    for (const family of [4, 6]) {
      const device = `nlu-ipv${family}`;
      expect(bring({ underlayProtocol: `ipv${family}` })).toEqual([]);
      await until(() => sides.every(({ tunnels }) => tunnels.serves(device)));
      await until(() => sides.every(({ host }) => takesPackets(host, device)));
      expect(fabric.reach()).toEqual(Array(12).fill(true));
      const mtu = family === 4 ? 1472 : 1452;
      const [one, two] = fabric.hosts as [FabricHost, FabricHost];
      for (const [address, headers] of [
        [two.addresses[0], 28],
        [two.addresses[1], 48],
      ] as const) {
        const sized = (bytes: number) =>
          pings(one.box, address, ["-M", "do", "-s", String(bytes - headers)]);
        expect([family, address, sized(mtu), sized(mtu + 1)]).toEqual([
          family,
          address,
          true,
          false,
        ]);
      }
    }
    // The tunnel over IPv4 went in the end, its link after it.
    await until(() => sides.every(({ tunnels }) => tunnels.release(tunnels.applied).length === 0));
    bring({ underlayProtocol: "ipv6" });
    expect(sides.map(({ host }) => links(host))).toEqual(Array(3).fill(["nlu-ipv6"]));
  },
  patient(60_000),
);

test(
  "another address of a host, a link that an outside hand took: packets pass again",
  async () => {
    await using world = joined(2);
    const { fabric, sides, bring } = world;
    bring({});
    await until(() => sides.every(({ tunnels }) => tunnels.serves("nlu-ipv4")));
    expect(fabric.reach()).toEqual(Array(4).fill(true));
    const [one, two] = sides as [Side, Side];
    const { netns, kernel } = one.host;
    netns.run("ip", "link", "del", "nlu-ipv4");
    await until(() => !one.tunnels.serves("nlu-ipv4"));
    expect(one.tunnels.troubles.join()).toContain('the udp tunnel by "nlu-ipv4" does not run');
    kernel.look();
    expect(bring({})).toEqual([]);
    await until(() => one.tunnels.serves("nlu-ipv4"));
    expect([one.tunnels.troubles, fabric.reach()]).toEqual([[], Array(4).fill(true)]);

    netns.run("ip", "addr", "add", "198.51.0.99/24", "dev", "up0");
    const at99 = [{ address: "198.51.0.99", prefixLength: 24, mtu: 1500 }];
    const spec = { backend: "udp" };
    const own = { ...fabric.view(1, spec), underlay: at99 };
    one.bring(own);
    const before = one.news;
    await until(() => one.news > before);
    one.bring(own);
    two.bring({ ...fabric.view(2, spec), peers: new Map([["h1", at99]]) });
    await until(() => one.tunnels.serves("nlu-ipv4"));
    expect(fabric.reach()).toEqual(Array(4).fill(true));
  },
  patient(60_000),
);

test("without its device, what is behind it is not reached, and nothing leaves plainly", async () => {
  await using world = joined(2);
  const { fabric, sides } = world;
  const [one] = sides as [Side];
  const { kernel } = apart(desiredOf(fabric.view(1, { backend: "udp" })).entries);
  for (const [key, { kind }] of kernel) if (kind === "device") kernel.delete(key);
  one.host.kernel.bring(kernel, true);
  one.host.netns.run("ip", "route", "add", "default", "via", "198.51.0.12");
  const shown = one.host.netns.run("ip", "route", "show", "type", "unreachable");
  expect(shown).toContain("10.40.2.0/26");
  expect(pings(one.host.box, "10.40.2.5")).toBe(false);
});
