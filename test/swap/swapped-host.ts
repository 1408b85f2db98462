/** A host whose plugin directory changes from the reference's binaries to ours. */
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import {
  type CniAnswer,
  type CniCommand,
  callChain,
  type NetworkList,
} from "../support/cni-call.ts";
import { ourDir, type ReferenceVersion, referenceDir } from "../support/reference.ts";
import { readFilters } from "../support/snapshot.ts";
import { TestHost } from "../support/test-host.ts";
import { type Probe, probe, serve } from "../support/traffic.ts";

const types = [
  ...["bridge", "ptp", "loopback", "host-local", "static", "portmap", "sbr", "tuning"],
];

/** An attachment on the host: what a runtime remembers of it. */
export interface Attached {
  readonly containerId: string;
  /** Name of the namespace below /var/run/netns. */
  readonly netns: string;
  readonly result: any;
  /** Without prefix lengths. */
  readonly ip4: string;
  readonly ip6: string;
  /** The list as the runtime gave it, with this container's port mappings. */
  readonly list: NetworkList;
}

export class SwappedHost {
  readonly host: TestHost;
  readonly plugins: string;

  private constructor(host: TestHost) {
    this.host = host;
    this.plugins = join(host.dir, "bin");
  }

  /** With the reference's binaries in place. */
  static async create(version: ReferenceVersion): Promise<SwappedHost> {
    const swapped = new SwappedHost(await TestHost.create());
    swapped.#link(referenceDir(version));
    await serve(swapped.host, swapped.host.outside, [7000]);
    return swapped;
  }

  /** Puts our binaries in the reference's place. */
  swap(): void {
    this.#link(ourDir());
  }

  #link(from: string): void {
    mkdirSync(this.plugins, { recursive: true });
    for (const type of types) {
      symlinkSync(join(from, type), join(this.plugins, `.${type}`));
      renameSync(join(this.plugins, `.${type}`), join(this.plugins, type));
    }
  }

  call(command: CniCommand, one: Omit<Attached, "ip4" | "ip6">, more = {}): Promise<CniAnswer> {
    return callChain({
      host: this.host,
      plugins: this.plugins,
      command,
      list: one.list,
      containerId: one.containerId,
      container: one.netns,
      prevResult: command === "ADD" ? undefined : one.result,
      ...more,
    });
  }

  /** Adds a container that serves ports 80 and 53. Throws where the plugins refuse. */
  async attach(containerId: string, list: NetworkList): Promise<Attached> {
    const netns = await this.host.addContainer();
    const answer = await this.call("ADD", { containerId, netns, list, result: undefined });
    if (!answer.ok)
      throw new Error(`Cannot attach "${containerId}": ${answer.stdout}${answer.stderr}`);
    const [ip4, ip6] = answer.json.ips.map((ip: any) => ip.address.split("/")[0]);
    await serve(this.host, netns, [80, 53]);
    return { containerId, netns, result: answer.json, ip4, ip6, list };
  }

  /** The packet filter's rules but for our own tables. */
  async foreignRules(): Promise<string> {
    const text = await readFilters(this.host.netns);
    return text.replace(/^table \w+ netloom_[^\n]*\{\n[\s\S]*?\n\}\n/gm, "");
  }

  /** Which of these answer within `patience` tries, asked from a namespace. */
  async reach(netns: string, probes: readonly Probe[]): Promise<(string | null)[]> {
    const answers = await probe(netns, probes);
    // A busy machine loses an answer now and then; what is cut off stays cut off.
    for (let again = 0; again < 3 && answers.includes(null); again++) {
      for (const [i, answer] of (await probe(netns, probes)).entries()) answers[i] ??= answer;
    }
    return answers;
  }
}
