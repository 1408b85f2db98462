/** Hosts, servers and users at random, with faults; then peace, and what must hold in it. */

import { isAmong } from "../../../src/ipam/block-allocation.ts";
import { networkOf, overlaps } from "../../../src/lib/prefix.ts";
import { checkDrained, checkPlanned, checkSettled } from "./checks.ts";
import { Violation } from "./oracle.ts";
import { Random } from "./random.ts";
import { SimHost } from "./sim-host.ts";
import { SimServer } from "./sim-server.ts";
import { type Message, World } from "./world.ts";

export interface Tally {
  /** Steps among faults that did something. */
  operations: number;
  /** Addresses given. */
  given: number;
  /** Kept addresses that came back to their identity by another host. */
  sticky: number;
}

const week = 7 * 24 * 3_600_000;
const apps = ["web", "db", "other"] as const;
const identities = Array.from({ length: 12 }, (_, i) => ({
  identity: `app${i}`,
  app: apps[i >> 2]!,
  stickyForMs: [0, 3_600_000, 3 * week][i % 3]!,
}));
const appOf = (wanted: string) => identities.find(({ identity }) => identity === wanted)!.app;

/** How often what happens. The steps that end what was begun are most. */
const weights = {
  message: 30,
  repeat: 2,
  hostStep: 30,
  serverStep: 25,
  attach: 10,
  attachAgain: 2,
  detach: 6,
  collect: 1,
  hello: 3,
  report: 4,
  want: 4,
  giveBack: 4,
  tell: 3,
  createPort: 5,
  deletePort: 3,
  servePort: 12,
  tidy: 6,
  plan: 0.3,
  recall: 4,
  serveRemoval: 3,
  crashAgent: 0.7,
  startAgent: 2,
  loseDisk: 0.1,
  powerOff: 0.15,
  powerOn: 0.6,
  crashServer: 0.5,
  cutOff: 0.3,
  reconnect: 0.6,
  removeHost: 0.15,
  declareOver: 0.6,
  join: 3,
  time: 1,
};

export class Simulation {
  readonly world: World;
  readonly hosts: SimHost[];
  readonly servers: SimServer[];
  readonly #random: Random;
  readonly #loss: number;
  readonly #repeat: number;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.world = new World(this.#random);
    const hostCount = 2 + this.#random.below(4);
    this.hosts = Array.from({ length: hostCount }, (_, i) => new SimHost(this.world, `host${i}`));
    // Another machine that takes itself for the first.
    if (this.#random.chance(0.3)) this.hosts.push(new SimHost(this.world, "host0"));
    this.servers = Array.from({ length: 3 }, () => new SimServer(this.world));
    this.#loss = this.#random.pick([0, 0.05, 0.3])!;
    this.#repeat = this.#random.pick([0, 0.05, 0.3])!;
  }

  /** Takes so many steps among faults, then lets all settle and looks. Throws Violation. */
  run(operations: number): Tally {
    for (let done = 0; done < operations; ) {
      if (this.#actions[this.#random.weighted(weights)]()) done++;
    }
    this.#makePeace();
    this.settle();
    checkSettled(this);
    checkPlanned(this);
    this.#attachPlanned();
    const sticky = this.#bringBack();
    this.#drain();
    checkDrained(this);
    return { operations, given: this.world.oracle.given, sticky };
  }

  /** Each says whether there was anything to do. */
  readonly #actions: Readonly<Record<keyof typeof weights, () => boolean>> = {
    message: () => this.#deliver(),
    repeat: () => this.world.repeat(),
    hostStep: () => this.#host().step(),
    serverStep: () => this.#server().step(),
    attach: () => this.#attach(),
    attachAgain: () => this.#host().attachAgain(),
    detach: () => {
      const host = this.#host();
      const owner = this.#random.pick([...host.containers.keys()]);
      return owner !== undefined && host.detach(owner);
    },
    collect: () => this.#host().collect(),
    hello: () => this.#host().hello(),
    report: () => this.#host().report(),
    want: () => this.#host().want(this.#subnet(), 1 + this.#random.below(4)),
    giveBack: () => this.#host().giveBack(this.#subnet(), this.#random.below(5)),
    tell: () => this.#serve((server) => server.tell(this.#host().name)),
    createPort: () => this.#createPort(),
    deletePort: () => this.#deletePort(),
    servePort: () => {
      const [uid] = this.#random.pick(this.world.store.list("port")) ?? [];
      return uid !== undefined && this.#serve((server) => server.servePort(uid));
    },
    tidy: () => {
      const [name] = this.#random.pick(this.world.store.list("block")) ?? [];
      return name !== undefined && this.#serve((server) => server.tidy(name));
    },
    plan: () => this.#plan(),
    recall: () => {
      const [name] = this.#random.pick(this.world.store.list("block")) ?? [];
      return name !== undefined && this.#serve((server) => server.recall(name));
    },
    serveRemoval: () => this.#serve((server) => server.serveRemoval(this.#host().name)),
    crashAgent: () => this.#host().crash(),
    startAgent: () => this.#host().start(),
    loseDisk: () => this.#host().loseDisk(),
    powerOff: () => this.#host().powerOff(),
    powerOn: () => this.#host().powerOn(),
    crashServer: () => this.#server().crash(),
    cutOff: () => {
      const { name } = this.#host();
      return !this.world.cutOff.has(name) && this.world.cutOff.add(name).has(name);
    },
    reconnect: () => this.world.cutOff.delete(this.#host().name),
    removeHost: () => this.#serve((server) => server.remove(this.#host().name, false)),
    declareOver: () => {
      // The operator does not lie. The host may be started before what he says is written down.
      const { name } = this.#host();
      return this.#isOver(name) && this.#serve((server) => server.remove(name, true));
    },
    join: () => {
      const host = this.#host();
      return host.isUp && this.#serve((server) => server.join(host.name, host));
    },
    time: () => {
      this.world.nowMs += this.#random.below(this.#random.chance(0.02) ? week : 60_000);
      return true;
    },
  };

  #named = (name: string) => this.hosts.filter((host) => host.name === name);

  /** Whether nothing runs any more of the boot that the control plane has of a host. */
  #isOver(name: string): boolean {
    const boot = this.world.store.get("host", name)?.value.boot;
    return !this.#named(name).some((host) => host.isOn && host.boot === boot);
  }

  #host = () => this.#random.pick(this.hosts)!;
  #server = () => this.#random.pick(this.servers)!;
  #subnet = () => this.#random.pick([...this.world.subnets.keys()])!;

  /** Gives one server work. Says whether it found any. */
  #serve(work: (server: SimServer) => void): boolean {
    const server = this.#server();
    const before = server.inHand;
    work(server);
    return server.inHand > before;
  }

  #deliver(): boolean {
    const message = this.world.takeMessage();
    if (!message) return false;
    if (this.#random.chance(this.#repeat)) this.world.send(message);
    if (this.world.cutOff.has(message.host)) {
      if (this.#random.chance(0.5)) this.world.send(message);
    } else if (!this.#random.chance(this.#loss)) this.#handOver(message);
    return true;
  }

  #handOver(message: Message): void {
    if (message.to === "server") this.#server().receive(message.body);
    else for (const host of this.#named(message.host)) host.hear(message.body);
  }

  /** A wish for an address of the subnet, low ones most: there they meet. Nobody may have some. */
  #wish(subnet: string): string | undefined {
    if (!this.#random.chance(0.15)) return undefined;
    const offset = this.#random.below(32);
    return subnet === "red" || subnet === "blue"
      ? `10.1.0.${offset}`
      : `${subnet === "six" ? "fd00::" : "fd00:1::"}${offset.toString(16)}`;
  }

  #details(subnet: string) {
    const address = this.#wish(subnet);
    const workload = this.#random.chance(0.4) ? this.#random.pick(identities) : undefined;
    const app = this.#random.pick(apps)!;
    return { ...(address !== undefined && { address }), app, ...workload };
  }

  #attach(): boolean {
    const subnet = this.#subnet();
    return this.#host().attach(this.world.id("container"), { subnet, ...this.#details(subnet) });
  }

  #createPort(): boolean {
    const subnet = this.#subnet();
    const { address: wish, ...details } = this.#details(subnet);
    const uid = this.world.id("port");
    const host = this.#random.chance(0.5) ? this.#host().name : undefined;
    const value = { uid, subnet, ...details, ...(wish && { wish }), ...(host && { host }) };
    return this.world.store.commit([], [{ kind: "port", name: uid, value }]);
  }

  /** A host gets a prefix of one or two blocks, or has one taken away. */
  #plan(): boolean {
    const subnet = this.#subnet();
    const { cidr, blockLength } = this.world.subnets.get(subnet)!.layout;
    const before = this.world.planOf(subnet);
    const at = this.#random.below(before.length);
    if (before.length > 0 && this.#random.chance(0.5)) {
      const value = before.filter((_, i) => i !== at);
      return this.world.store.commit([], [{ kind: "plan", name: subnet, value }]);
    }
    const address = cidr.address + BigInt(this.#random.below(32));
    const length = blockLength! - this.#random.below(2);
    const own = { host: this.#host().name, cidr: networkOf({ ...cidr, address, length }) };
    if (before.some((each) => overlaps(each.cidr, own.cidr))) return false;
    const value = [...before, own];
    return this.world.store.commit([], [{ kind: "plan", name: subnet, value }]);
  }

  /** In peace each host gives of its prefixes where it has any, and of no other's. */
  #attachPlanned(): void {
    for (const host of this.hosts.filter(({ isUp }) => isUp)) {
      for (const subnet of this.world.subnets.keys()) {
        const owner = this.world.id("container");
        host.attach(owner, { subnet, app: "other" });
        this.#finish();
        const address = host.containers.get(owner)?.address;
        if (address === undefined) continue;
        const on = { host: host.name, prefixes: this.world.planOf(subnet) };
        if (isAmong(this.world.rangesOf({ subnet, app: "other" }, on), address)) continue;
        throw new Violation(`"${host.name}" gave ${subnet}/${address}, which is not its to give`);
      }
    }
  }

  #deletePort(): boolean {
    const [uid] = this.#random.pick(this.world.store.list("port")) ?? [];
    return uid !== undefined && this.world.store.commit([], [{ kind: "port", name: uid }]);
  }

  /** No more faults: clocks agree, machines are on, or their operator said that they are off. */
  #makePeace(): void {
    this.world.cutOff.clear();
    this.#finish();
    for (const host of this.hosts) {
      host.skewMs = 0;
      const isServed = this.world.store.get("host", host.name) !== undefined;
      const one = this.#named(host.name).find(isServed ? this.world.isServedBy : () => true);
      // One host has one machine, and the operator looks after one whose disk was lost.
      if (host !== one) host.powerOff();
      if (one === undefined) this.#server().remove(host.name, true);
      else if (host !== one) continue;
      else if (host.isOn) host.start();
      else if (this.#random.chance(0.5)) host.powerOn();
      else this.#server().remove(host.name, true);
    }
  }

  /** Goes on until nothing changes any more. `keepFree`: hosts give back what they can spare. */
  settle(keepFree?: number): void {
    let quiet = 0;
    for (let round = 0; quiet < 4; round++) {
      if (round > 400) throw new Error("It does not settle");
      const before = this.#fingerprint();
      this.#round(keepFree);
      quiet = before === this.#fingerprint() ? quiet + 1 : 0;
    }
  }

  #round(keepFree: number | undefined): void {
    const { store } = this.world;
    for (const host of this.hosts) {
      if (host.isUp) this.#server().join(host.name, host);
      this.#finish();
      host.hello();
      if (keepFree !== undefined) host.collect();
      this.#finish();
      for (const subnet of this.world.subnets.keys()) {
        if (keepFree !== undefined) host.giveBack(subnet, keepFree);
        this.#finish();
      }
      host.report();
      this.#finish();
      this.#server().serveRemoval(host.name);
    }
    for (const [uid] of store.list("port")) {
      this.#server().servePort(uid);
      this.#finish();
    }
    for (const [name] of store.list("block")) {
      this.#server().tidy(name);
      this.#server().recall(name);
      this.#finish();
    }
  }

  /** Everything under way arrives and is done. */
  #finish(): void {
    for (;;) {
      for (const host of this.hosts) while (!host.isIdle) host.step();
      for (const server of this.servers) while (server.inHand > 0) server.step();
      const message = this.world.takeMessage();
      if (!message) return;
      this.#handOver(message);
    }
  }

  #fingerprint(): string {
    const files = this.hosts.flatMap(({ files }) =>
      files.map(({ lease, sequence }) => `${lease}${sequence}`),
    );
    return `${this.world.store.revision} ${files.join(" ")}`;
  }

  /** Identities for which an address is kept come back as ports elsewhere. Gives how many. */
  #bringBack(): number {
    let count = 0;
    for (const [subnet, identity, kept] of this.#keptNow()) {
      const uid = this.world.id("port");
      const value = { uid, subnet, app: appOf(identity), identity, stickyForMs: week };
      this.world.store.commit([], [{ kind: "port", name: uid, value }]);
      this.settle();
      const { address } = this.world.store.get("port", uid)!.value;
      if (!address || !kept.includes(address)) {
        const had = `had ${kept.join(", ")} of "${subnet}"`;
        throw new Error(`"${identity}" ${had}, kept for it, but got ${address ?? "none"}`);
      }
      count++;
    }
    return count;
  }

  /** Two at most: subnet, identity, and what the control plane knows to be kept for it. */
  #keptNow(): [subnet: string, identity: string, addresses: string[]][] {
    const margin = this.world.nowMs + 2 * 3_600_000;
    const kept = new Map<string, [string, string, string[]]>();
    for (const [, { value }] of this.world.store.list("block")) {
      const subnet = value.spec.subnet.name;
      for (const [address, rest] of Object.entries(value.status.allocation?.rested ?? {})) {
        if (rest.identity === undefined || (rest.keptUntil ?? 0) < margin) continue;
        // One that it had asked for may lie outside what it gets unasked.
        const on = { host: undefined, prefixes: this.world.planOf(subnet) };
        const ranges = this.world.rangesOf({ subnet, app: appOf(rest.identity) }, on);
        if (!isAmong(ranges, address)) continue;
        const key = `${subnet}/${rest.identity}`;
        const entry = kept.get(key) ?? [subnet, rest.identity, []];
        entry[2].push(address);
        kept.set(key, entry);
      }
    }
    return [...kept.values()].slice(0, 2);
  }

  /** All users go, hosts too, and long after nobody comes back. */
  #drain(): void {
    for (const [uid] of this.world.store.list("port")) {
      this.world.store.commit([], [{ kind: "port", name: uid }]);
    }
    for (const host of this.hosts) {
      // One that was said to be off comes back with what its disk still has.
      host.powerOn();
      for (const owner of [...host.containers.keys()]) {
        host.detach(owner);
        this.#finish();
      }
      if (this.#random.chance(0.3)) this.#server().remove(host.name, false);
    }
    this.settle(0);
    this.world.nowMs += 10 * week;
    this.settle(0);
  }
}
