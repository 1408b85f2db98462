/**
 * A node that speaks BGP, a rack's router that is BIRD or FRR, and a host behind it, as namespaces.
 * The node has an address of its block on its loopback, in each family, in place of a container.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BgpInput, type BgpPeer, defaultConfiguration } from "../../src/bgp/input.ts";
import type { BgpStatus } from "../../src/bgp/speaker.ts";
import { patient } from "../support/patience.ts";
import { inside, run, shell, systemPath } from "../support/run.ts";

export const node = { ipv4: "198.51.100.1", ipv6: "2001:db8:100::1", asNumber: 64512 } as const;
export const rack = { ipv4: "198.51.100.2", ipv6: "2001:db8:100::2", asNumber: 65000 } as const;
/** What the outside host has, and the rack tells. */
export const outside = { ipv4: "203.0.113.2", ipv6: "2001:db8:200::2" } as const;
export const block = { ipv4: "10.1.0.0/26", ipv6: "2001:db8:1::/64" } as const;
export const container = { ipv4: "10.1.0.1", ipv6: "2001:db8:1::1" } as const;

let made = 0;

export class Stage {
  readonly name = `nlbgp${process.pid}-${++made}`;
  readonly dir = mkdtempSync(join(tmpdir(), "nlbgp-"));
  readonly #ends: (() => unknown)[] = [];
  #speaker: { child: Bun.Subprocess<"pipe", "pipe", "inherit"> } | undefined;
  status: BgpStatus | undefined;

  get node(): string {
    return `${this.name}n`;
  }
  get rack(): string {
    return `${this.name}r`;
  }
  get outside(): string {
    return `${this.name}o`;
  }
  get bgpDir(): string {
    return join(this.dir, "bgp");
  }

  static async create(): Promise<Stage> {
    const stage = new Stage();
    const { node: n, rack: r, outside: o } = stage;
    await shell(`
      for n in ${n} ${r} ${o}; do ip netns add $n; ip -n $n link set lo up; done
      ip -n ${n} link add uplink type veth peer name node netns ${r}
      ip -n ${r} link add out type veth peer name uplink netns ${o}
      ip -n ${n} addr add ${node.ipv4}/24 dev uplink; ip -n ${n} addr add ${node.ipv6}/64 dev uplink nodad
      ip -n ${r} addr add ${rack.ipv4}/24 dev node; ip -n ${r} addr add ${rack.ipv6}/64 dev node nodad
      ip -n ${r} addr add 203.0.113.1/24 dev out; ip -n ${r} addr add 2001:db8:200::1/64 dev out nodad
      ip -n ${o} addr add ${outside.ipv4}/24 dev uplink
      ip -n ${o} addr add ${outside.ipv6}/64 dev uplink nodad
      ip -n ${n} link set uplink up; ip -n ${r} link set node up; ip -n ${r} link set out up
      ip -n ${o} link set uplink up
      ip -n ${o} route add default via 203.0.113.1; ip -n ${o} route add default via 2001:db8:200::1
      ip -n ${n} addr add ${container.ipv4}/32 dev lo; ip -n ${n} addr add ${container.ipv6}/128 dev lo nodad
      for f in ipv4/ip_forward ipv6/conf/all/forwarding; do
        nsenter --net=/var/run/netns/${r} sh -c "echo 1 >/proc/sys/net/$f"
      done`);
    return stage;
  }

  async remove(): Promise<void> {
    if (this.#speaker) await this.leave();
    for (const end of this.#ends) await end();
    await shell(`for n in ${this.node} ${this.rack} ${this.outside}; do ip netns del $n; done`);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** BIRD with graceful restart, its tables in its namespace's kernel. */
  async bird(options: { password?: string } = {}): Promise<void> {
    const config = join(this.dir, "bird.conf");
    const password = options.password ? `password "${options.password}";` : "";
    await Bun.write(
      config,
      `router id ${rack.ipv4};
      protocol device { scan time 5; }
      protocol direct { ipv4; ipv6; interface "out"; }
      protocol kernel { ipv4 { export all; }; }
      protocol kernel { ipv6 { export all; }; }
      protocol static { ipv4; route 192.0.2.0/24 unreachable; route 0.0.0.0/0 unreachable; }
      protocol bgp node {
        local ${rack.ipv4} as ${rack.asNumber}; neighbor ${node.ipv4} as ${node.asNumber};
        graceful restart on; connect retry time 1; error wait time 1,2; connect delay time 1;
        hold time 9; ${password}
        ipv4 { import all; export all; };
        ipv6 { import all; export all; next hop address ${rack.ipv6}; };
      }`,
    );
    this.#spawn(["bird", "-f", "-c", config, "-s", join(this.dir, "bird.ctl")]);
  }

  /** What BIRD has of the node. */
  async birdRoutes(): Promise<string[]> {
    const argv = ["birdc", "-s", join(this.dir, "bird.ctl"), "show", "route", "protocol", "node"];
    const { stdout } = await run(argv);
    return stdout.split("\n").flatMap((line) => /^([0-9a-f.:]+\/\d+) /.exec(line)?.[1] ?? []);
  }

  /** FRR: zebra and bgpd on sockets of their own. */
  async frr(): Promise<void> {
    const dir = join(this.dir, "frr");
    mkdirSync(dir);
    await Bun.write(join(dir, "zebra.conf"), "");
    await Bun.write(
      join(dir, "bgpd.conf"),
      `router bgp ${rack.asNumber}
 bgp router-id ${rack.ipv4}
 no bgp ebgp-requires-policy
 bgp graceful-restart
 neighbor ${node.ipv4} remote-as ${node.asNumber}
 neighbor ${node.ipv4} timers connect 1
 address-family ipv4 unicast
  network 203.0.113.0/24
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:200::/64
  neighbor ${node.ipv4} activate
 exit-address-family
`,
    );
    await shell(`chown -R frr:frr ${dir}; chmod 0755 ${this.dir}`);
    const usual = (name: string) => [
      `/usr/lib/frr/${name}`,
      ...["-f", `${dir}/${name}.conf`, "-i", `${dir}/${name}.pid`, "-z", `${dir}/zserv.api`],
      ...["--vty_socket", dir, "-A", "127.0.0.1", "-P", "0", "--log", `file:${dir}/${name}.log`],
    ];
    this.#spawn(usual("zebra"));
    await until(async () => (await run(["test", "-S", `${dir}/zserv.api`])).status === 0, "zebra");
    this.#spawn([...usual("bgpd"), "-l", "0.0.0.0"]);
  }

  /** Starts the node's speaker, or another one beside the daemon that is there. */
  async speak(input: BgpInput, program = "gobgpd"): Promise<void> {
    const script = join(import.meta.dir, "speak.ts");
    const argv = inside([process.execPath, script, this.bgpDir, program], this.node);
    const child = Bun.spawn(argv, {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { PATH: systemPath, HOME: "/root" },
    });
    this.#speaker = { child };
    this.#read(child.stdout);
    this.configure(input);
  }

  configure(input: BgpInput): void {
    this.#speaker!.child.stdin.write(`${JSON.stringify(input)}\n`);
    this.#speaker!.child.stdin.flush();
  }

  /** The speaker alone is killed. */
  async killSpeaker(): Promise<void> {
    this.#speaker!.child.kill("SIGKILL");
    await this.#speaker!.child.exited;
    this.#speaker = undefined;
    this.status = undefined;
  }

  async leave(): Promise<void> {
    this.#speaker!.child.stdin.write("leave\n");
    this.#speaker!.child.stdin.flush();
    await this.#speaker!.child.exited;
    this.#speaker = undefined;
  }

  daemonPid(): Promise<number> {
    return Bun.file(join(this.bgpDir, "gobgpd.pid")).text().then(Number);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.status = JSON.parse(line);
    }
  }

  async established(): Promise<void> {
    await until(
      async () => this.status?.sessions.every(({ isEstablished }) => isEstablished) ?? false,
      () => `sessions up: ${JSON.stringify(this.status)}`,
    );
  }

  /** Destinations of learnt routes in the node's kernel. */
  async learnt(): Promise<string[]> {
    const script = "ip -j route show proto 108; ip -6 -j route show proto 108";
    const text = await shell(script, { netns: this.node });
    const lists: { dst: string }[][] = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return lists
      .flat()
      .map(({ dst }) => dst)
      .sort();
  }

  /** Pings from outside for so long; `during` may do what it likes. Gives how many were lost. */
  async pinging(address: string, seconds: number, during: () => Promise<void>): Promise<number> {
    const argv = [
      "ping",
      "-q",
      "-n",
      "-i",
      "0.01",
      "-c",
      String(seconds * 100),
      "-W",
      "1",
      address,
    ];
    const pinging = run(argv, { netns: this.outside, timeoutMs: 60_000 });
    await Bun.sleep(500);
    await during();
    const { stdout } = await pinging;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(stdout)!;
    return Number(sent) - Number(received);
  }

  #spawn(argv: readonly string[]): void {
    const child = Bun.spawn(inside(argv, this.rack), {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
      env: { PATH: systemPath },
    });
    this.#ends.unshift(() => {
      child.kill("SIGKILL");
      return child.exited;
    });
  }
}

export async function until(
  isSo: () => Promise<boolean>,
  what: string | (() => string),
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + patient(limitMs);
  while (!(await isSo())) {
    if (performance.now() > deadline) {
      throw new Error(`Waited in vain for ${typeof what === "string" ? what : what()}`);
    }
    await Bun.sleep(100);
  }
}

/** The node's input with the rack as its peer. */
export function inputWith(peer: Partial<BgpPeer> = {}, more: Partial<BgpInput> = {}): BgpInput {
  return {
    configuration: defaultConfiguration,
    peers: [
      {
        name: "rack",
        spec: {
          address: rack.ipv4,
          port: 179,
          asNumber: rack.asNumber,
          holdTimeSeconds: 9,
          allowOwnAs: 0,
          bfd: false,
          ...peer,
        },
      },
    ],
    host: {
      name: "n1",
      labels: {},
      addresses: [
        { address: node.ipv4, prefixLength: 24 },
        { address: node.ipv6, prefixLength: 64 },
      ],
    },
    hosts: [],
    clusterPrefixes: ["10.1.0.0/16", "2001:db8:1::/48"],
    announced: [block.ipv4, block.ipv6],
    ...more,
  };
}
