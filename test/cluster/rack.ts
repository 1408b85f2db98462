/** A rack's router on a cluster's first segment, BIRD or FRR, and an outside host behind it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inside, run, shell, systemPath } from "../support/run.ts";
import type { FabricCluster } from "./cluster.ts";
import { prefix4, prefix6 } from "./fabric.ts";
import { Flow } from "./flow.ts";

const hostAs = 64512;

export interface RackOptions {
  /** Tells several from each other: their addresses and names. */
  readonly number?: number;
  readonly asNumber?: number;
  /** Of all its sessions (TCP MD5). */
  readonly password?: string;
}

/** Routes that it tells of, beside the outside host's. */
const blackholes = ["192.0.2.0/24", "2001:db8:2::/48"] as const;

export class Rack {
  readonly asNumber: number;
  /** On the segment, IPv4's first. */
  readonly addresses: readonly [string, string];
  /** The outside host's. */
  readonly outside: readonly [string, string];
  readonly netns: string;
  readonly outsideNetns: string;
  readonly #number: number;
  readonly #password: string | undefined;
  readonly #neighbors: readonly string[];
  readonly #dir = mkdtempSync(join(tmpdir(), "netloom-rack-"));
  readonly #flows: Flow[] = [];
  readonly #daemons: Bun.Subprocess[] = [];

  private constructor(cluster: FabricCluster, options: RackOptions) {
    const { number = 0, asNumber = 65000, password } = options;
    this.asNumber = asNumber;
    this.#number = number;
    this.#password = password;
    this.addresses = [`${prefix4(0)}.${5 + number}`, `${prefix6(0)}:${5 + number}`];
    this.outside = [`203.0.${114 + number}.2`, `2001:db8:20${number}::2`];
    this.netns = cluster.fabric.router.replace(/r$/, `k${number}`);
    this.outsideNetns = `${this.netns}o`;
    this.#neighbors = cluster.hosts.map(({ addresses }) => addresses[0]!);
  }

  static async make(cluster: FabricCluster, options: RackOptions = {}): Promise<Rack> {
    const rack = new Rack(cluster, options);
    cluster.hosts[0]!.world.host.beforeRemoval(() => rack.removeNow());
    await shell(rack.#script(cluster.fabric.segments[0]!));
    return rack;
  }

  /** Both tables as BIRD's own kernel has them, graceful restart as a router of a rack has it. */
  async bird(): Promise<void> {
    const config = join(this.#dir, "bird.conf");
    const [ipv4, ipv6] = this.addresses;
    const password = this.#password ? `password "${this.#password}";` : "";
    const sessions = this.#neighbors.map(
      (neighbor, i) => `protocol bgp h${i + 1} {
        local ${ipv4} as ${this.asNumber}; neighbor ${neighbor} as ${hostAs};
        graceful restart on; connect retry time 1; error wait time 1,2; connect delay time 1;
        hold time 9; ${password}
        ipv4 { import all; export all; };
        ipv6 { import all; export all; next hop address ${ipv6}; };
      }`,
    );
    await Bun.write(
      config,
      `router id ${ipv4};
      protocol device { scan time 5; }
      protocol direct { ipv4; ipv6; interface "out"; }
      protocol kernel { ipv4 { export where source = RTS_BGP; }; }
      protocol kernel { ipv6 { export where source = RTS_BGP; }; }
      protocol static { ipv4; route ${blackholes[0]} unreachable; }
      protocol static { ipv6; route ${blackholes[1]} unreachable; }
      ${sessions.join("\n")}`,
    );
    this.#spawn(["bird", "-f", "-c", config, "-s", join(this.#dir, "bird.ctl")]);
  }

  /** Zebra and bgpd on sockets of their own. */
  async frr(): Promise<void> {
    const dir = this.#dir;
    mkdirSync(dir, { recursive: true });
    const of = (line: (neighbor: string) => string) => this.#neighbors.map(line).join("\n");
    await Bun.write(join(dir, "zebra.conf"), "");
    await Bun.write(
      join(dir, "bgpd.conf"),
      `router bgp ${this.asNumber}
 bgp router-id ${this.addresses[0]}
 no bgp ebgp-requires-policy
 bgp graceful-restart
${of((at) => ` neighbor ${at} remote-as ${hostAs}\n neighbor ${at} timers connect 1`)}
 address-family ipv4 unicast
  network ${network4(this.outside[0])}
 exit-address-family
 address-family ipv6 unicast
  network ${network6(this.outside[1])}
${of((at) => `  neighbor ${at} activate`)}
 exit-address-family
`,
    );
    await shell(`chown -R frr:frr ${dir}; chmod 0755 ${dir}`);
    const usual = (name: string) => [
      `/usr/lib/frr/${name}`,
      ...["-f", `${dir}/${name}.conf`, "-i", `${dir}/${name}.pid`, "-z", `${dir}/zserv.api`],
      ...["--vty_socket", dir, "-A", "127.0.0.1", "-P", "0", "--log", `file:${dir}/${name}.log`],
    ];
    this.#spawn(usual("zebra"));
    while ((await run(["test", "-S", `${dir}/zserv.api`])).status !== 0) await Bun.sleep(50);
    this.#spawn([...usual("bgpd"), "-l", "0.0.0.0"]);
  }

  /** Destinations that its kernel has by BGP, in order. */
  async routes(): Promise<string[]> {
    const script = "ip -j route show proto bird; ip -6 -j route show proto bird";
    const frr = "ip -j route show proto bgp; ip -6 -j route show proto bgp";
    const text = await shell(`${script}; ${frr}`, { netns: this.netns });
    const lists = text.split("\n").filter(Boolean);
    return lists
      .flatMap((line) => JSON.parse(line) as { dst: string; type?: string }[])
      .filter(({ type = "unicast" }) => type === "unicast")
      .map(({ dst }) => (dst.includes("/") ? dst : `${dst}/${dst.includes(":") ? 128 : 32}`))
      .sort();
  }

  /** Whether the outside host gets an answer. */
  async reaches(address: string): Promise<boolean> {
    const argv = ["ping", "-n", "-c3", "-i0.2", "-w2", address];
    return (await run(argv, { netns: this.outsideNetns })).stdout.includes(" bytes from ");
  }

  /** The outside host pings without end. */
  flow(address: string, intervalMs = 10): Flow {
    const flow = new Flow({ netns: this.outsideNetns, address, intervalMs });
    this.#flows.push(flow);
    return flow;
  }

  removeNow(): void {
    for (const flow of this.#flows) flow.end();
    for (const daemon of this.#daemons) daemon.kill("SIGKILL");
    const names = [this.netns, this.outsideNetns];
    Bun.spawnSync(["sh", "-c", names.map((name) => `ip netns del ${name} 2>/dev/null`).join("\n")]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #spawn(argv: readonly string[]): void {
    const stdio = ["ignore", "ignore", "ignore"] as ["ignore", "ignore", "ignore"];
    this.#daemons.push(
      Bun.spawn(inside(argv, this.netns), { stdio, env: { PATH: systemPath, HOME: "/root" } }),
    );
  }

  #script(segment: string): string {
    const [at, out] = [this.netns, this.outsideNetns];
    const [router4, router6] = this.outside.map((address) => address.replace(/2$/, "1"));
    const port = `k${this.#number}`;
    return `ip netns add ${at}; ip netns add ${out}; ip -n ${at} link set lo up
      ip -n ${at} link add up0 type veth peer name ${port} netns ${segment}
      ip -n ${segment} link set ${port} master lan up
      ip -n ${at} addr add ${this.addresses[0]}/24 dev up0
      ip -n ${at} addr add ${this.addresses[1]}/64 dev up0 nodad
      ip -n ${at} link set up0 up
      ip -n ${at} link add out type veth peer name eth0 netns ${out}
      ip -n ${at} addr add ${router4}/24 dev out; ip -n ${at} addr add ${router6}/64 dev out nodad
      ip -n ${at} link set out up
      ip -n ${out} addr add ${this.outside[0]}/24 dev eth0
      ip -n ${out} addr add ${this.outside[1]}/64 dev eth0 nodad
      ip -n ${out} link set eth0 up
      ip -n ${out} route add default via ${router4}; ip -n ${out} route add default via ${router6}
      for f in ipv4/ip_forward ipv6/conf/all/forwarding; do
        nsenter --net=/var/run/netns/${at} sh -c "echo 1 >/proc/sys/net/$f"
      done`;
  }
}

const network4 = (address: string) => address.replace(/\.\d+$/, ".0/24");
const network6 = (address: string) => address.replace(/::.*$/, "::/64");
