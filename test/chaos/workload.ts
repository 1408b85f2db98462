/** Containers that come and go on a host, and what must hold of each call. */
import { resolve } from "node:path";
import { patient } from "../support/patience.ts";
import { type Finished, run } from "../support/run.ts";
import { isWhole } from "../support/sample.ts";
import type { AgentHost } from "./plane.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");
const tryLater = 11;
/**
 * For so long an attach may wait, or be put off with "try again later": 10 s. The short run among
 * all other tests, on machines as busy as they may be, asks for half as much speed.
 */
const attachPatienceMs = patient(isWhole ? 10_000 : 20_000);
const pauseMs = 100;

/** Addresses in use, by the network namespace that has them. */
export class Held {
  readonly #owners = new Map<string, string>();

  take(address: string, owner: string): void {
    const other = this.#owners.get(address);
    if (other) throw new Error(`${address} was given to "${owner}" while "${other}" has it`);
    this.#owners.set(address, owner);
  }

  give(address: string): void {
    this.#owners.delete(address);
  }

  /** `address owner`, in order. */
  get all(): string[] {
    return [...this.#owners].map(([address, owner]) => `${address} ${owner}`).sort();
  }
}

export interface Counts {
  attached: number;
  putOff: number;
  longestMs: number;
}

/** One container of a host. */
export class Container {
  readonly netns: string;
  readonly #on: AgentHost;
  #address: string | undefined;

  constructor(on: AgentHost, netns: string) {
    this.#on = on;
    this.netns = netns;
  }

  get isAttached(): boolean {
    return this.#address !== undefined;
  }

  /** Tries again while it is told to. Throws what else it is told, and when it takes too long. */
  async attach(held: Held, counts: Counts): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const { status, stdout, stderr } = await this.#cni("add");
      const tookMs = performance.now() - begun;
      counts.longestMs = Math.max(counts.longestMs, tookMs);
      if (tookMs > attachPatienceMs) {
        throw new Error(`ADD of "${this.netns}" took ${Math.round(tookMs)} ms: ${stdout}${stderr}`);
      }
      if (status === 0) {
        this.#address = (JSON.parse(stdout).ips[0].address as string).split("/")[0]!;
        held.take(this.#address, this.netns);
        counts.attached++;
        return;
      }
      if (codeOf(stdout) !== tryLater) {
        throw new Error(`ADD of "${this.netns}" failed: ${stdout}${stderr}`);
      }
      counts.putOff++;
      await Bun.sleep(pauseMs);
    }
  }

  /** Succeeds whatever is away. */
  async detach(held: Held): Promise<void> {
    // Another may get the address as soon as DEL has begun.
    if (this.#address !== undefined) held.give(this.#address);
    this.#address = undefined;
    const { status, stdout, stderr } = await this.#cni("del");
    if (status !== 0) throw new Error(`DEL of "${this.netns}" failed: ${stdout}${stderr}`);
  }

  /** Whether the gateway answers. */
  async reaches(address: string): Promise<boolean> {
    const ping = ["ping", "-c1", "-W1", address];
    return (await this.#on.host.run(ping, { netns: this.netns })).status === 0;
  }

  #cni(verb: string): Promise<Finished> {
    const { host, env, list } = this.#on;
    const places = ["--cache-dir", `${host.dir}/cache`, "--conf-dir", host.dir];
    return run([executable, "cni", verb, "--json", ...places, list, this.netns], {
      netns: host.netns,
      env,
      timeoutMs: 120_000,
    });
  }
}

function codeOf(stdout: string): number | undefined {
  try {
    return JSON.parse(stdout).code;
  } catch {
    return undefined;
  }
}
