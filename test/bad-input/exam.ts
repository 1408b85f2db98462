/** The exam of every bad input: its code, a message that helps, and nothing lost or half made. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type CniAnswer, type CniCommand, callChain, callPlugin } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Config = Readonly<Record<string, unknown>>;

/** One wrong call and what must come of it. */
export interface BadCall {
  /** Completes "refuses …". */
  readonly name: string;
  /** The plugin's name; that of the configuration's `type` if absent. */
  readonly type?: string;
  readonly command?: CniCommand;
  /** Standard input. */
  readonly config: Config | string | ((stage: Stage) => Config);
  readonly env?: Env | ((stage: Stage) => Env);
  readonly ifName?: string;
  readonly code: number;
  /** What the message must hold: the field, the value, the remedy. */
  readonly says: readonly string[];
}

/** A host with one attached container, which no bad call may harm, and one that is free. */
export class Stage {
  readonly host: TestHost;
  readonly bystander: string;
  readonly free: string;
  #healthy = "";

  private constructor(host: TestHost, bystander: string, free: string) {
    this.host = host;
    this.bystander = bystander;
    this.free = free;
  }

  static async create(): Promise<Stage> {
    const host = await TestHost.create();
    const stage = new Stage(host, await host.addContainer(), await host.addContainer());
    const added = await callChain({
      host,
      plugins: ourDir(),
      command: "ADD",
      containerId: "bystander",
      container: stage.bystander,
      list: {
        cniVersion: "1.0.0",
        name: "good",
        plugins: [
          { ...stage.bridge(), ipMasq: true, macspoofchk: true },
          { type: "portmap", runtimeConfig: { portMappings: [stage.port()] } },
        ],
      },
    });
    if (!added.ok) throw new Error(`Cannot attach the bystander: ${added.stdout}`);
    stage.#healthy = await stage.state();
    return stage;
  }

  /** A right `bridge` configuration, for tests to spoil. */
  bridge(more: Config = {}): Config {
    return bridge({ ipam: this.hostLocal(), ...more });
  }

  /** A right `host-local` section with room for one address beside the bystander's. */
  hostLocal(more: Config = {}): Config {
    const subnet = "10.81.0.0/24";
    const range = { subnet, rangeStart: "10.81.0.10", rangeEnd: "10.81.0.11" };
    return { type: "host-local", dataDir: `${this.host.dir}/data`, ranges: [[range]], ...more };
  }

  /** The port that the bystander publishes. */
  port() {
    return { hostPort: 8080, containerPort: 80, protocol: "tcp" };
  }

  call(bad: Omit<BadCall, "name" | "code" | "says">): Promise<CniAnswer> {
    const config = typeof bad.config === "function" ? bad.config(this) : bad.config;
    return callPlugin({
      host: this.host,
      plugins: ourDir(),
      command: bad.command ?? "ADD",
      type: bad.type ?? (typeof config === "string" ? "bridge" : String(config.type)),
      config,
      containerId: "bad",
      container: this.free,
      ifName: bad.ifName,
      env: typeof bad.env === "function" ? bad.env(this) : bad.env,
    });
  }

  /** Everything that a call could harm or leave, as text. */
  async state(): Promise<string> {
    // The kernel takes its time over link-local addresses.
    const look = "{ ip -br addr; ip route; ip -6 route; ip rule; } | sed 's/fe80.*//; s/ *$//'";
    const parts = [
      await this.host.shell(`${look}; nft -s list ruleset`),
      await shell(look, { netns: this.bystander }),
      await shell(look, { netns: this.free }),
      ...filesIn(`${this.host.dir}/data`),
      ...filesIn(`${this.host.dir}/state/attachments`),
    ];
    return parts.join("\n");
  }

  /** Fails unless everything is as before. */
  async expectUnharmed(): Promise<void> {
    expect(await this.state()).toBe(this.#healthy);
  }
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(lock|last_reserved_ip\..*)$/.test(entry.name))
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .sort()
    .map((file) => `${file}: ${readFileSync(file, "latin1")}`);
}

/** A `bridge` configuration without addresses. */
export function bridge(more: Config = {}): Config {
  return { cniVersion: "1.0.0", name: "good", type: "bridge", bridge: "good0", ...more };
}

/** Puts every call to the exam, on a stage of their own. */
export function examine(what: string, calls: readonly BadCall[]): void {
  describe(what, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.create();
    });
    afterAll(() => stage.host.remove());

    for (const bad of calls) {
      test(`refuses ${bad.name} with code ${bad.code}, and harms nothing`, async () => {
        const answer = await stage.call(bad);
        expectError(answer, bad);
        await stage.expectUnharmed();
      });
    }
  });
}

/** Fails unless the answer is an error as CNI has it, with this code and these words. */
export function expectError(answer: CniAnswer, { code, says }: Pick<BadCall, "code" | "says">) {
  expect(answer.json?.code, answer.stdout).toBe(code);
  expect(answer.json.cniVersion).toMatch(/^\d+\.\d+\.\d+$/);
  const told = `${answer.json.msg}\n${answer.json.details ?? ""}`;
  for (const words of says) expect(told).toContain(words);
  expect(answer.status).toBe(1);
  expect(answer.stderr).toBe("");
}
