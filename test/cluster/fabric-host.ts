/** A host of a cluster: its agent, its place on the fabric, and what may befall it. */
import { readdirSync, readFileSync } from "node:fs";
import { type AgentStart, World } from "../agent/world.ts";
import type { FabricPort } from "../support/test-host.ts";
import { Box } from "./box.ts";
import { capture, type Heard } from "./capture.ts";
import { controlAt, type Fabric } from "./fabric.ts";
import type { Servers } from "./servers.ts";

export class FabricHost {
  readonly name: string;
  readonly world: World;
  readonly port: FabricPort;
  /** Without lengths, IPv4's first. */
  readonly addresses: readonly string[];
  readonly #fabric: Fabric;
  #start: AgentStart = {};
  #lists = 0;

  private constructor(world: World, port: FabricPort, fabric: Fabric) {
    this.name = world.name;
    this.world = world;
    this.port = port;
    this.addresses = port.addresses.map((address) => address.split("/")[0]!);
    this.#fabric = fabric;
  }

  static async make(name: string, port: FabricPort, fabric: Fabric): Promise<FabricHost> {
    const host = { fabric: port, uplinkMtu: fabric.mtu };
    const world = await World.make({ control: false, name, host });
    world.host.beforeRemoval(() => endDaemon(`${world.host.dir}/run`));
    return new FabricHost(world, port, fabric);
  }

  get netns(): string {
    return this.world.host.netns;
  }

  /** Runs a script in its namespace. */
  shell(script: string): Promise<string> {
    return this.world.host.shell(script);
  }

  /** Starts its agent, with a token of these servers. */
  async start(servers: Servers): Promise<void> {
    const tokenFile = `${this.world.host.dir}/token`;
    const first = Number(this.port.bridgePort.slice(1));
    this.#start = { words: await servers.wordsFor(this.name, controlAt[0], tokenFile, first) };
    await this.world.startAgent(this.#start);
  }

  async killAgent(): Promise<void> {
    await this.world.endAgent("SIGKILL");
  }

  /** After a kill. */
  async startAgent(): Promise<void> {
    await this.world.startAgent(this.#start);
  }

  /** Killed, and started again after a while. */
  async restartAgent(): Promise<void> {
    await this.killAgent();
    await Bun.sleep(300);
    await this.startAgent();
  }

  /** A new container, attached. `args` are the network list's: `{ port: "web" }`. */
  async attach(network: string, args: Record<string, string> = {}): Promise<Box> {
    const netns = await this.world.host.addContainer();
    return this.attachAs({ network, netns, args });
  }

  /** The same of a container that is there, say with a further network. */
  async attachAs(asked: {
    readonly network: string;
    readonly netns: string;
    readonly args?: Record<string, string>;
    readonly ifName?: string;
  }): Promise<Box> {
    const { network, netns, args = {}, ifName = "eth0" } = asked;
    const list = this.world.list(`${network}-${++this.#lists}`, network, { args: { cni: args } });
    const words = ["--ifname", ifName, list, netns];
    return new Box(this, { netns, words, result: await this.world.must("add", ...words) });
  }

  /** What passes its link to the fabric while `work` is done. */
  capture(filter: string, work: () => Promise<unknown>): Promise<Heard> {
    return capture({ netns: this.netns, link: this.port.link, filter }, work);
  }

  /** Its cable leads nowhere. */
  cut = (): Promise<void> => this.#fabric.cut(this.port);
  heal = (): Promise<void> => this.#fabric.heal(this.port);

  /** The control plane is away; the rest of the fabric is there. */
  cutControl = (): Promise<void> => this.#fabric.block(this.addresses, controlAt);
  healControl = (): Promise<void> => this.#fabric.block(this.addresses, controlAt, false);

  /** It and this other host are apart. */
  part = (other: FabricHost): Promise<void> => this.#fabric.block(this.addresses, other.addresses);
  rejoin = (other: FabricHost): Promise<void> =>
    this.#fabric.block(this.addresses, other.addresses, false);

  /** As power fails: agent, containers and kernel are gone, for good. Its files stay. */
  async crash(): Promise<void> {
    await this.cut();
    await this.killAgent();
    this.world.host.losePower();
  }
}

/** An agent leaves its BGP daemon to the next. */
function endDaemon(runDir: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (words.startsWith("gobgpd\0") && words.includes(`${runDir}/`))
        process.kill(Number(pid), 9);
    } catch {
      // It ended meanwhile.
    }
  }
}
