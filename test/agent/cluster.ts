/** Several hosts with an agent each, under one real server that they can be cut off from. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Client, client } from "../../src/api/client/client.ts";
import { systemPath } from "../support/run.ts";
import { Declaring } from "./declaring.ts";
import { Relay } from "./relay.ts";
import { eventually, World } from "./world.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");

export interface Member {
  readonly name: string;
  readonly world: World;
  readonly relay: Relay;
}

export class Cluster extends Declaring {
  readonly dir = mkdtempSync(join(tmpdir(), "netloom-cluster-"));
  readonly members: Member[] = [];
  readonly client: Client;
  readonly #server: Bun.Subprocess;

  private constructor() {
    super();
    const socket = `${this.dir}/api.sock`;
    this.#server = Bun.spawn(
      [executable, "server", "--run-dir", this.dir, "--state-dir", this.dir],
      {
        env: { PATH: systemPath, HOME: "/root" },
        stdio: ["ignore", "ignore", Bun.file(`${this.dir}/log`)],
      },
    );
    this.client = client((path, init) =>
      fetch(`http://netloom${path}`, { ...init, unix: socket } as RequestInit),
    );
  }

  static async start(hosts: readonly string[]): Promise<Cluster> {
    const cluster = new Cluster();
    await eventually("the server answers", () =>
      cluster.client.raw("/api/v1/namespaces/default").then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    for (const name of hosts) {
      const world = await World.make({ control: false, name });
      const relay = new Relay(`${world.host.dir}/run/api.sock`, `${cluster.dir}/api.sock`);
      await relay.open();
      cluster.members.push({ name, world, relay });
      await world.startAgent();
    }
    return cluster;
  }

  async remove(): Promise<void> {
    for (const { relay, world } of this.members) {
      relay.cut();
      await world.remove();
    }
    this.#server.kill("SIGKILL");
    await this.#server.exited;
    rmSync(this.dir, { recursive: true });
  }
}

/** The address that an ADD gave, without its length. */
export const addressOf = (result: any): string => result.ips[0].address.split("/")[0];

/** Attaches a new container; gives it, its network list and its first address. */
export async function attach(member: Member, network: string, args: Record<string, string> = {}) {
  const { world } = member;
  const box = await world.host.addContainer();
  const list = world.list(`${network}-${box}`, network, { args: { cni: args } });
  return { box, list, address: addressOf(await world.must("add", list, box)) };
}
