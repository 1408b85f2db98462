/** A container of a cluster: its addresses, and packets from it to others. */
import { patient } from "../support/patience.ts";
import { inside, run, shell, systemPath } from "../support/run.ts";
import type { FabricHost } from "./fabric-host.ts";
import { Flow } from "./flow.ts";

/** Of IP and ICMP, before what a ping carries. */
const headers = { 4: 28, 6: 48 } as const;
export type Family = keyof typeof headers;
export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);

const quiet = {
  stdio: ["ignore", "ignore", "ignore"],
  env: { PATH: systemPath },
} satisfies Bun.SpawnOptions.OptionsObject<"ignore", "ignore", "ignore">;

export class Box {
  readonly host: FabricHost;
  readonly netns: string;
  /** What ADD gave. */
  readonly result: any;
  /** Without lengths. */
  readonly addresses: readonly string[];
  readonly #words: readonly string[];

  constructor(
    host: FabricHost,
    attached: { readonly netns: string; readonly words: readonly string[]; readonly result: any },
  ) {
    this.host = host;
    this.netns = attached.netns;
    this.#words = attached.words;
    this.result = attached.result;
    const ips: { address: string }[] = attached.result.ips ?? [];
    this.addresses = ips.map(({ address }) => address.split("/")[0]!);
  }

  /** Its address of this family. */
  address(family: Family = 4): string {
    const found = this.addresses.find((address) => familyOf(address) === family);
    if (found === undefined) throw new Error(`It has no IPv${family} address: ${this.addresses}`);
    return found;
  }

  get mac(): string {
    return this.result.interfaces.find(({ sandbox }: any) => sandbox !== undefined).mac;
  }

  async detach(): Promise<void> {
    await this.host.world.must("del", ...this.#words);
  }

  shell(script: string): Promise<string> {
    return shell(script, { netns: this.netns });
  }

  /** Whether it gets an answer; the first packet may be lost while neighbours are found. */
  async reaches(address: string): Promise<boolean> {
    const wait = String(patient(2000) / 1000);
    const argv = ["ping", "-n", "-c3", "-i0.2", "-w", wait, address];
    return (await run(argv, { netns: this.netns })).stdout.includes(" bytes from ");
  }

  /** Whether a packet of so many bytes, IP's header among them, comes through in one piece. */
  async passes(address: string, bytes: number): Promise<boolean> {
    const size = String(bytes - headers[familyOf(address)]);
    const argv = ["ping", "-n", "-c2", "-i0.2", "-W1", "-Mdo", "-s", size, address];
    return (await run(argv, { netns: this.netns })).stdout.includes(" bytes from ");
  }

  /** The MTU of its link. */
  async mtu(link = "eth0"): Promise<number> {
    return JSON.parse(await this.shell(`ip -j link show ${link}`))[0].mtu;
  }

  /** Begins to ping, each so many milliseconds, until the flow is stopped. */
  flow(address: string, intervalMs = 10): Flow {
    const flow = new Flow({ netns: this.netns, address, intervalMs });
    this.host.world.host.beforeRemoval(() => flow.end());
    return flow;
  }

  /** What iperf3 measures to the other, in bits per second. */
  async throughput(to: Box, { seconds = 2, streams = 1, family = 4 as Family } = {}) {
    const address = to.address(family);
    const server = Bun.spawn(inside(["iperf3", "-s", "-B", address], to.netns), quiet);
    try {
      const argv = ["iperf3", "-J", "-c", address, "-t", String(seconds), "-P", String(streams)];
      const limits = { netns: this.netns, timeoutMs: 1000 * seconds + 20_000 };
      let told = await run(argv, limits);
      // Until the server listens.
      for (let tries = 20; tries > 0 && told.stdout.includes("refused"); tries--) {
        await Bun.sleep(100);
        told = await run(argv, limits);
      }
      if (told.status !== 0) throw new Error(`iperf3 to ${address}: ${told.stdout}`);
      return JSON.parse(told.stdout).end.sum_received.bits_per_second as number;
    } finally {
      server.kill("SIGKILL");
    }
  }
}
