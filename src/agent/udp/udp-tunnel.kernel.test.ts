/** Two namespaces joined by the udp backend: pings, iperf3, forgeries, a killed process. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { patient } from "../../../test/support/patience.ts";
import { ScratchNetns } from "../../kernel/netns/scratch.ts";
import { type TunnelPeer, tunnelMtu } from "../../tunnel/router.ts";
import { UdpTunnel, type UdpTunnelSettings } from "./udp-tunnel.ts";

const link = "nlu-test";
const port = 4790;
const main = `${import.meta.dir}/../../main.ts`;

class Host implements AsyncDisposable {
  readonly netns = new ScratchNetns("udp");
  readonly number: number;
  readonly tunnel: UdpTunnel;

  constructor(number: number) {
    this.number = number;
    this.ip(`tuntap add mode tun name ${link}`);
    this.tunnel = new UdpTunnel({
      link,
      local: this.outside.map((address) => ({ address, port })),
      log: () => {},
      command: this.command,
    });
  }

  get command(): string[] {
    return ["nsenter", `--net=${this.netns.path}`, process.execPath, main];
  }
  get outside(): string[] {
    return [`192.0.2.${this.number}`, `2001:db8::${this.number}`];
  }
  get inside(): string[] {
    return [`10.${this.number}.0.1`, `fd00:${this.number}::1`];
  }

  ip(words: string): void {
    this.netns.run("ip", ...words.split(" "));
  }

  /** As the other knows it. */
  peer(family: 4 | 6): TunnelPeer {
    const address = this.outside[family === 4 ? 0 : 1]!;
    const prefixes = [`10.${this.number}.0.0/16`, `fd00:${this.number}::/32`];
    return { endpoint: { address, port }, prefixes };
  }

  async start(family: 4 | 6, other: Host): Promise<void> {
    await this.tunnel.start();
    this.ip(`link set ${link} mtu ${tunnelMtu(1500, family)} addrgenmode none up`);
    for (const address of this.inside) this.ip(`addr add ${address} dev ${link}`);
    for (const prefix of other.peer(family).prefixes) this.ip(`route add ${prefix} dev ${link}`);
    await this.tunnel.setPeers([other.peer(family)]);
  }

  pings(address: string, ...words: string[]): boolean {
    const all = ["ping", "-c2", "-i0.2", "-W2", ...words, address];
    return Bun.spawnSync(["nsenter", `--net=${this.netns.path}`, ...all]).success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tunnel[Symbol.asyncDispose]();
    this.netns[Symbol.dispose]();
  }
}

async function joined(family: 4 | 6) {
  const held = new AsyncDisposableStack();
  const a = held.use(new Host(1));
  const b = held.use(new Host(2));
  a.ip(`link add u type veth peer name u netns ${b.netns.name}`);
  for (const host of [a, b]) {
    host.ip(`addr add ${host.outside[0]}/24 dev u`);
    host.ip(`addr add ${host.outside[1]}/64 dev u nodad`);
    host.ip("link set lo up");
    host.ip("link set u up");
  }
  await a.start(family, b);
  await b.start(family, a);
  return { a, b, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const limitMs = patient(30_000);

describe("the udp backend", () => {
  for (const family of [4, 6] as const) {
    test(
      `over IPv${family} carries both families, a packet of the full size and none longer`,
      async () => {
        await using hosts = await joined(family);
        const { a, b } = hosts;
        const [ipv4, ipv6] = b.inside as [string, string];
        const mtu = tunnelMtu(1500, family);
        expect(a.pings(ipv4)).toBe(true);
        expect(a.pings(ipv6)).toBe(true);
        expect(a.pings(ipv4, "-M", "do", "-s", String(mtu - 28))).toBe(true);
        expect(a.pings(ipv6, "-M", "do", "-s", String(mtu - 48))).toBe(true);
        expect(a.pings(ipv4, "-M", "do", "-s", String(mtu - 27))).toBe(false);
        expect(await a.tunnel.counters()).toMatchObject({ forged: 0, unsent: 0, refused: 0 });
        expect((await b.tunnel.counters()).received).toBe(8);
      },
      limitMs,
    );
  }

  test(
    "drops and counts what is from no peer, or from a source that is not behind its peer",
    async () => {
      await using hosts = await joined(4);
      const { a, b } = hosts;
      const [ipv4] = b.inside as [string];
      await b.tunnel.setPeers([]);
      expect(a.pings(ipv4)).toBe(false);
      expect((await b.tunnel.counters()).forged).toBe(2);
      await b.tunnel.setPeers([{ ...a.peer(4), prefixes: ["10.1.7.0/24"] }]);
      expect(a.pings(ipv4)).toBe(false);
      expect((await b.tunnel.counters()).forged).toBe(4);
      const elsewhere = { address: "192.0.2.9", port };
      await b.tunnel.setPeers([{ ...a.peer(4), endpoint: elsewhere }]);
      expect(a.pings(ipv4)).toBe(false);
      expect((await b.tunnel.counters()).forged).toBe(6);
      await b.tunnel.setPeers([a.peer(4)]);
      expect(a.pings(ipv4)).toBe(true);
      await a.tunnel.setPeers([]);
      // The kernel speaks to multicast groups when an address comes.
      const { unroutable } = await a.tunnel.counters();
      expect(a.pings(ipv4)).toBe(false);
      expect((await a.tunnel.counters()).unroutable).toBe(unroutable + 2);
      const wrong = [{ ...a.peer(4), prefixes: ["10.1.0.0"] }];
      await expect(b.tunnel.setPeers(wrong)).rejects.toThrow("refuses its peers");
    },
    limitMs,
  );

  test(
    "comes again when its process is killed: link, addresses and routes stay",
    async () => {
      await using hosts = await joined(4);
      const { a, b } = hosts;
      const seen = () => [
        a.netns.json("ip", "-j", "addr", "show", "dev", link)[0].addr_info,
        ["-4", "-6"].map((family) =>
          a.netns
            .json("ip", "-j", family, "route", "show", "dev", link)
            .map(({ dst }: { dst: string }) => dst),
        ),
      ];
      const before = seen();
      const first = a.tunnel.pid!;
      process.kill(first, "SIGKILL");
      expect(seen()).toEqual(before);
      const end = performance.now() + patient(10_000);
      while ([first, undefined].includes(a.tunnel.pid) && performance.now() < end) {
        await Bun.sleep(20);
      }
      while (!a.pings(b.inside[0]!) && performance.now() < end) await Bun.sleep(50);
      for (const address of b.inside) expect(a.pings(address)).toBe(true);
      expect(seen()).toEqual(before);
    },
    limitMs,
  );

  test(
    "carries TCP in both directions",
    async () => {
      await using hosts = await joined(4);
      const { a, b } = hosts;
      const [ipv4] = b.inside as [string];
      const words = ["nsenter", `--net=${b.netns.path}`, "iperf3", "-s", "-1", "-B", ipv4];
      const server = Bun.spawn([...words, "--forceflush"], { stdout: "pipe" });
      for await (const chunk of server.stdout) {
        if (new TextDecoder().decode(chunk).includes("listening")) break;
      }
      const json = JSON.parse(a.netns.run("iperf3", "-c", ipv4, "-n", "8M", "--bidir", "-J"));
      expect(json.end.sum_received.bytes).toBeGreaterThan(1 << 20);
      expect(json.end.sum_received_bidir_reverse.bytes).toBeGreaterThan(1 << 20);
      await server.exited;
    },
    limitMs,
  );

  test(
    "goes on when its agent is killed, until the next one's takes its place",
    async () => {
      await using hosts = await joined(4);
      const { a, b } = hosts;
      const [ipv4] = b.inside as [string];
      await a.tunnel[Symbol.asyncDispose]();
      const settings = { link, local: [{ address: a.outside[0], port }], command: a.command };
      const script = `
        import { UdpTunnel, type UdpTunnelSettings } from "${import.meta.dir}/udp-tunnel.ts";
        const tunnel = new UdpTunnel({ ...${JSON.stringify(settings)}, log: () => {} });
        await tunnel.setPeers(${JSON.stringify([b.peer(4)])});
        await tunnel.start();
        console.log(tunnel.pid);
        await Bun.sleep(1e6);`;
      const agent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
      const { value } = await agent.stdout.getReader().read();
      const first = Number(new TextDecoder().decode(value));
      agent.kill("SIGKILL");
      await agent.exited;
      expect([existsSync(`/proc/${first}`), a.pings(ipv4)]).toEqual([true, true]);
      const pinging = Bun.spawn(
        ["nsenter", `--net=${a.netns.path}`, "ping", "-q", "-i0.01", ipv4],
        { stdout: "pipe" },
      );
      await using next = new UdpTunnel({ ...settings, log: () => {} } as UdpTunnelSettings);
      await next.setPeers([b.peer(4)]);
      await next.start();
      await Bun.sleep(100);
      expect([existsSync(`/proc/${first}`), a.pings(ipv4)]).toEqual([false, true]);
      pinging.kill("SIGINT");
      const told = await new Response(pinging.stdout).text();
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(told)!;
      expect(Number(sent)).toBeGreaterThan(10);
      expect(Number(sent) - Number(received)).toBeLessThanOrEqual(3);
    },
    limitMs,
  );

  test(
    "ends with its link, also without an agent",
    async () => {
      await using host = new Host(1);
      host.ip("link set lo up");
      const local = [{ address: "127.0.0.1", port }];
      const tunnel = new UdpTunnel({ link, local, log: () => {}, command: host.command });
      await tunnel.start();
      const place = `/proc/${tunnel.pid}`;
      tunnel.leave();
      await Bun.sleep(50);
      expect(existsSync(place)).toBe(true);
      host.ip(`link del ${link}`);
      const end = performance.now() + patient(10_000);
      while (existsSync(place) && performance.now() < end) await Bun.sleep(10);
      expect(existsSync(place)).toBe(false);
    },
    limitMs,
  );

  test(
    "says what is wrong where it can't begin",
    async () => {
      await using host = new Host(1);
      const begun = host.tunnel.start();
      await expect(begun).rejects.toThrow(
        /cannot listen on .*, UDP port 4790: it is not an address of this host any more/,
      );
      expect(host.tunnel.serves).toBe(false);
      expect(host.tunnel.trouble).toStartWith(
        `the udp tunnel by "${link}" does not run: netloom: `,
      );
      await using linkless = new Host(2);
      linkless.ip(`link del ${link}`);
      await expect(linkless.tunnel.start()).rejects.toThrow(`there is no link "${link}"`);
    },
    limitMs,
  );
});
