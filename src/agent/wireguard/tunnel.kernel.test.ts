/** Real tunnels between two namespaces, judged by wg(8) and by pings. Run in the VM. */
import { describe, expect } from "bun:test";
import { needs } from "../../../test/support/kernel-features.ts";
import { createLink } from "../../kernel/netlink/link.ts";
import { WireguardLinks } from "../../kernel/netlink/wireguard-links.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import type { WireguardPeer } from "../../model/wireguard.ts";
import { planWireguard } from "../../plan/wireguard.ts";
import { type KeyPair, newKeyPair } from "./key-pair.ts";

const link = "wg0";
const port = 51820;

/** A host with its end of the underlay, and 10.<number>.0.0/16 and fd00:<number>::/32 inside. */
class Host implements Disposable {
  readonly netns: ScratchNetns;
  readonly links: WireguardLinks;
  readonly number: number;
  pair: KeyPair;

  constructor(number: number, pair: KeyPair) {
    this.netns = new ScratchNetns(`wg${number}`);
    this.number = number;
    this.pair = pair;
    using socket = this.netns.socket();
    socket.run([createLink({ name: link, kind: "wireguard", mtu: 1420, up: true })]);
    this.links = new WireguardLinks(this.netns.path);
    for (const inside of this.prefixes) this.netns.run("ip", "addr", "add", inside, "dev", link);
  }

  get prefixes(): string[] {
    return [`10.${this.number}.0.1/16`, `fd00:${this.number}::1/32`];
  }

  get inside(): string[] {
    return this.prefixes.map((prefix) => prefix.slice(0, prefix.indexOf("/")));
  }

  /** As another host knows it. */
  peer(family: 4 | 6, more: Partial<WireguardPeer> = {}): WireguardPeer {
    const address = family === 4 ? `192.0.2.${this.number}` : `2001:db8::${this.number}`;
    const { publicKey } = this.pair;
    return { publicKey, endpoint: { address, port }, allowedIps: this.prefixes, ...more };
  }

  /** Gives what it changed: undefined where nothing differed. */
  follow(...peers: WireguardPeer[]) {
    const { privateKey } = this.pair;
    const wanted = { privateKey, listenPort: port, peers };
    const change = planWireguard(wanted, this.links.read(link)!);
    if (change) this.links.change(link, change);
    return change;
  }

  /** Whether one of three packets comes back. */
  reaches(address: string): boolean {
    const words = ["nsenter", `--net=${this.netns.path}`, "ping", "-c3", "-i0.2", "-W2", address];
    return Bun.spawnSync(words).success;
  }

  /** What `wg show <link> dump` says. */
  shown() {
    const [own, ...peers] = this.netns.run("wg", "show", link, "dump").trimEnd().split("\n");
    const [privateKey, publicKey, listenPort] = own!.split("\t");
    return {
      ...{ privateKey, publicKey, listenPort },
      peers: peers.map((line) => {
        const [key, , endpoint, allowedIps, handshake, , , keepalive] = line.split("\t");
        return { key, endpoint, allowedIps: allowedIps!.split(",").sort(), handshake, keepalive };
      }),
    };
  }

  [Symbol.dispose](): void {
    this.links[Symbol.dispose]();
    this.netns[Symbol.dispose]();
  }
}

/** Two hosts on one cable, their tunnel not told of each other yet. */
async function twoHosts() {
  const held = new DisposableStack();
  const a = held.use(new Host(1, await newKeyPair()));
  const b = held.use(new Host(2, await newKeyPair()));
  const { netns } = a;
  netns.run(..."ip link add u type veth peer name u netns".split(" "), b.netns.name);
  for (const { netns, number } of [a, b]) {
    netns.run("ip", "addr", "add", `192.0.2.${number}/24`, "dev", "u");
    netns.run("ip", "addr", "add", `2001:db8::${number}/64`, "dev", "u", "nodad");
    netns.run("ip", "link", "set", "u", "up");
    const other = number === 1 ? b : a;
    for (const prefix of other.prefixes)
      netns.run("ip", "route", "add", masked(prefix), "dev", link);
  }
  // A first handshake that finds no cable yet is tried again after 5 s only.
  for (const outside of ["192.0.2.2", "2001:db8::2"]) await untilReached(a, outside);
  return { a, b, [Symbol.dispose]: () => held.dispose() };
}

/** What a cable carries comes a moment after its ends are up. */
async function untilReached(host: Host, address: string): Promise<void> {
  const ping = ["nsenter", `--net=${host.netns.path}`, "ping", "-c1", "-W1", address];
  for (let tries = 30; !Bun.spawnSync(ping).success; tries--) {
    if (tries === 0) throw new Error(`${address} is not reached: the cable carries nothing`);
    await Bun.sleep(100);
  }
}

const masked = (prefix: string) => prefix.replace("0.1/", "0.0/").replace("::1/", "::/");

const told = (...hosts: Host[]) => hosts.map(({ links }) => links.read(link)!.peers[0]!);

needs("wireguard").describe("a tunnel between two hosts", () => {
  for (const family of [4, 6] as const) {
    needs("wireguard").test(
      `over IPv${family} carries both families, as wg sees it`,
      async () => {
        using hosts = await twoHosts();
        const { a, b } = hosts;
        a.follow(b.peer(family, { keepaliveS: 25 }));
        // Who hears of the other last begins: the first handshake found nobody there.
        b.follow(a.peer(family, { keepaliveS: 25 }));
        for (const address of b.inside) expect(a.reaches(address)).toBe(true);
        const { peers, ...own } = a.shown();
        expect(own).toEqual({ ...a.pair, listenPort: String(port) });
        const outside = family === 4 ? `192.0.2.2:${port}` : `[2001:db8::2]:${port}`;
        const allowedIps = b.prefixes.map(masked);
        const { publicKey: key } = b.pair;
        expect(peers).toMatchObject([{ key, endpoint: outside, allowedIps, keepalive: "25" }]);
        const [seen] = told(a);
        expect(seen!.endpoint).toEqual(b.peer(family).endpoint!);
        expect(Number(seen!.txBytes)).toBeGreaterThan(0);
        expect(Math.floor(seen!.lastHandshakeMs! / 1000)).toBe(Number(peers[0]!.handshake));
        expect(a.follow(b.peer(family, { keepaliveS: 25 }))).toBeUndefined();
      },
      60_000,
    );
  }

  needs("wireguard").test(
    "is silent once the peer is removed",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      a.follow(b.peer(4));
      b.follow(a.peer(4));
      expect(a.reaches(b.inside[0]!)).toBe(true);
      expect(b.follow()).toEqual({ peers: [{ publicKey: a.pair.publicKey, remove: true }] });
      expect(b.shown().peers).toEqual([]);
      for (const address of b.inside) expect(a.reaches(address)).toBe(false);
    },
    60_000,
  );

  needs("wireguard").test(
    "keeps its session when prefixes come and go",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      a.follow(b.peer(4));
      b.follow(a.peer(4));
      expect(a.reaches(b.inside[0]!)).toBe(true);
      const before = told(a, b).map(({ lastHandshakeMs }) => lastHandshakeMs);
      const more = [...b.prefixes, "10.9.0.0/16", "fd00:9::/32"];
      a.follow(b.peer(4, { allowedIps: more }));
      expect(a.shown().peers[0]!.allowedIps).toEqual(more.map(masked).sort());
      a.follow(b.peer(4, { allowedIps: [b.prefixes[0]!] }));
      expect(a.reaches(b.inside[0]!)).toBe(true);
      expect(a.reaches(b.inside[1]!)).toBe(false);
      a.follow(b.peer(4));
      for (const address of b.inside) expect(a.reaches(address)).toBe(true);
      expect(told(a, b).map(({ lastHandshakeMs }) => lastHandshakeMs)).toEqual(before);
    },
    60_000,
  );

  needs("wireguard").test(
    "goes on with a rotated key after one handshake",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      a.follow(b.peer(4));
      b.follow(a.peer(4));
      expect(a.reaches(b.inside[0]!)).toBe(true);
      const words = ["ping", "-i0.1", "-c40", "-W3", b.inside[0]!];
      const pinging = Bun.spawn(["nsenter", `--net=${a.netns.path}`, ...words], { stdout: "pipe" });
      await Bun.sleep(1000);
      const old = a.pair;
      a.pair = await newKeyPair();
      expect(a.follow(b.peer(4))).toEqual({ privateKey: a.pair.privateKey, peers: [] });
      // The news takes its time.
      await Bun.sleep(300);
      b.follow(a.peer(4, { keepaliveS: 25 }));
      const output = await new Response(pinging.stdout).text();
      const received = Number(/(\d+) received/.exec(output)![1]);
      expect(received).toBeGreaterThanOrEqual(36);
      const [seen] = b.shown().peers;
      expect(seen!.key).toBe(a.pair.publicKey);
      expect(Number(seen!.handshake)).toBeGreaterThan(0);
      expect(b.shown().peers.map(({ key }) => key)).not.toContain(old.publicKey);
    },
    60_000,
  );

  needs("wireguard").test(
    "takes thousands of prefixes and hundreds of peers, whole",
    async () => {
      using hosts = await twoHosts();
      const { a, b } = hosts;
      const many = Array.from({ length: 3000 }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
      const others = await Promise.all(
        Array.from({ length: 300 }, async (_, i) => ({
          publicKey: (await newKeyPair()).publicKey,
          allowedIps: [`fd01:${i.toString(16)}::/32`],
        })),
      );
      const peers = [b.peer(4, { allowedIps: many }), ...others];
      a.follow(...peers);
      const shown = a.shown().peers;
      expect(shown).toHaveLength(301);
      const ofB = shown.find(({ key }) => key === b.pair.publicKey)!;
      expect(ofB.allowedIps).toEqual(many.toSorted());
      expect(a.follow(...peers)).toBeUndefined();
      expect(a.follow(b.peer(4, { allowedIps: many.slice(1) }))!.peers).toHaveLength(301);
      expect(a.shown().peers.map(({ allowedIps }) => allowedIps.length)).toEqual([2999]);
    },
    60_000,
  );

  needs("wireguard").test(
    "that is none is told apart from one that is not there",
    async () => {
      using hosts = await twoHosts();
      const { a } = hosts;
      expect(a.links.read("nowhere")).toBeUndefined();
      expect(() => a.links.read("u")).toThrow('Cannot read WireGuard link "u"');
      expect(() => a.links.change("nowhere", { listenPort: 1, peers: [] })).toThrow("ENODEV");
    },
    60_000,
  );
});

describe("without WireGuard in the kernel", () => {
  needs().test("the error names the module", () => {
    if (!needs("wireguard").missing) return;
    using netns = new ScratchNetns("wg");
    expect(() => new WireguardLinks(netns.path)).toThrow("modprobe wireguard");
  });
});
