/** The host's tunnel in real namespaces: made, found again, put back, taken away. Run in the VM. */
import { expect, test } from "bun:test";
import { needs, worthRunning } from "../../../test/support/kernel-features.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { type KeyPair, newKeyPair } from "./key-pair.ts";
import { peersOf } from "./peers.ts";
import { tunnelAddressOf, tunnelLink } from "./tunnel-address.ts";
import { TunnelKernel } from "./tunnel-kernel.ts";

const underlayOf = (number: number) => [
  { address: `192.0.2.${number}`, prefixLength: 24, mtu: 1500 },
];

class Host implements Disposable {
  readonly netns: ScratchNetns;
  readonly kernel: TunnelKernel;
  readonly number: number;
  readonly pair: KeyPair;

  constructor(number: number, pair: KeyPair) {
    this.netns = new ScratchNetns(`tk${number}`);
    this.kernel = new TunnelKernel("test", this.netns.path);
    this.number = number;
    this.pair = pair;
  }

  get name(): string {
    return `h${this.number}`;
  }

  bring(others: readonly Host[], isWhole = true): string[] {
    const known = others.map(({ name, number, pair: { publicKey } }) => {
      return [name, { underlay: underlayOf(number), publicKey }] as const;
    });
    const wants = [{ needs: new Map(known.map(([name]) => [name, []])), protocols: new Map() }];
    const underlay = underlayOf(this.number);
    const { peers } = peersOf({ wants, underlay, peers: new Map(known) });
    const config = { privateKey: this.pair.privateKey, listenPort: 51820, peers };
    const tunnel = { address: tunnelAddressOf(this.name), mtu: 1440, config };
    return [...this.kernel.hold(), ...this.kernel.bring(tunnel, isWhole)];
  }

  reaches(other: Host): boolean {
    const words = ["ping", "-c3", "-i0.2", "-W1", tunnelAddressOf(other.name)];
    return Bun.spawnSync(["nsenter", `--net=${this.netns.path}`, ...words]).success;
  }

  run = (words: string) => this.netns.run(...words.split(" "));

  [Symbol.dispose](): void {
    this.kernel[Symbol.dispose]();
    this.netns[Symbol.dispose]();
  }
}

/** On one cable that leads everywhere, so that what is not caught leaves by it. */
async function twoHosts() {
  const held = new DisposableStack();
  const a = held.use(new Host(1, await newKeyPair()));
  const b = held.use(new Host(2, await newKeyPair()));
  a.run(`ip link add u type veth peer name u netns ${b.netns.name}`);
  for (const host of [a, b]) {
    host.run(`ip addr add 192.0.2.${host.number}/24 dev u`);
    host.run(`ip addr add 2001:db8::${host.number}/64 dev u nodad`);
    host.run("ip link set u up");
    host.run(`ip -6 route add default via 2001:db8::${3 - host.number}`);
  }
  for (let tries = 50; ; tries--) {
    const words = ["nsenter", `--net=${a.netns.path}`, "ping", "-c1", "-W1", "192.0.2.2"];
    if (Bun.spawnSync(words).success) break;
    if (tries === 0) throw new Error("the cable carries nothing");
    await Bun.sleep(100);
  }
  return { a, b, [Symbol.dispose]: () => held.dispose() };
}

const left = (host: Host) =>
  ["ip -o link", "ip -6 route show table all", "nft list ruleset"]
    .map(host.run)
    .filter((text) => /nlw0|fd6e/.test(text));

needs("wireguard").describe("a host's tunnel", () => {
  needs("wireguard").test(
    "carries packets between tunnels' addresses, and is found again as it is",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      expect(a.bring([b])).toEqual([
        ...["guard", "blackhole", "link", "peers", "address", "route"],
      ]);
      b.bring([a]);
      expect([a.reaches(b), b.reaches(a)]).toEqual([true, true]);
      const index = () => JSON.parse(a.run(`ip -j link show ${tunnelLink}`))[0].ifindex;
      const before = index();
      expect(a.bring([b])).toEqual([]);
      using again = new TunnelKernel("test", a.netns.path);
      Object.assign(a, { kernel: again });
      // What was there before stays until it is known that nobody wants it.
      expect(a.bring([], false)).toEqual([]);
      expect([a.reaches(b), index()]).toEqual([true, before]);
      expect(a.bring([])).toEqual(["peers"]);
      expect(a.reaches(b)).toBe(false);
    },
    60_000,
  );

  needs("wireguard").test(
    "lets nothing leave by another way while its link is gone, and is put back",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      a.bring([b]);
      b.bring([a]);
      expect(a.reaches(b)).toBe(true);
      a.run(`ip link del ${tunnelLink}`);
      const route = Bun.spawnSync([
        ...["nsenter", `--net=${a.netns.path}`],
        ...["ip", "-6", "route", "get", tunnelAddressOf(b.name)],
      ]);
      expect(route.success).toBe(false);
      expect(a.reaches(b)).toBe(false);
      expect(a.bring([b])).toEqual(["link", "peers", "address", "route"]);
      expect(a.reaches(b)).toBe(true);
      a.run(`ip addr flush dev ${tunnelLink}`);
      a.run(`ip -6 route flush proto 108`);
      a.run("nft flush ruleset");
      a.run(`wg set ${tunnelLink} peer ${b.pair.publicKey} remove`);
      a.run(`ip link set ${tunnelLink} down mtu 1300`);
      expect(a.bring([b]).sort()).toEqual(
        ["address", "blackhole", "guard", "mtu", "peers", "route", "state"].sort(),
      );
      expect(a.reaches(b)).toBe(true);
    },
    60_000,
  );

  needs("wireguard").test(
    "goes whole, and leaves another's link alone",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      expect(a.kernel.remove()).toBe(false);
      a.bring([b]);
      expect([a.kernel.remove(), left(a)]).toEqual([true, []]);
      a.run(`ip link add ${tunnelLink} type wireguard`);
      expect(() => a.bring([b])).toThrow(`Cannot make link "${tunnelLink}": there is another's`);
      expect(a.kernel.remove()).toBe(false);
      expect(a.run("ip -o link")).toContain(tunnelLink);
    },
    60_000,
  );
});

for (const _ of worthRunning([{ lacks: "wireguard" }])) {
  test("a kernel without WireGuard is told of, and how to get it", async () => {
    using host = new Host(1, await newKeyPair());
    expect(() => host.bring([])).toThrow("load the module (modprobe wireguard), or boot a kernel");
  });
}
