/** A host of the simulation: a machine, its disk, its containers, and an agent that may crash. */
import { allocate, type Moment } from "../../../src/ipam/allocate.ts";
import { type BlockAllocation, free, freeUnless } from "../../../src/ipam/block-allocation.ts";
import {
  giveBack,
  type HolderStep,
  heedView,
  isShort,
  surplus,
} from "../../../src/ipam/block-holder.ts";
import { ConflictError, ExhaustedError, UnavailableError } from "../../../src/ipam/errors.ts";
import { bootFor } from "../../../src/ipam/host-fence.ts";
import { rangesOn } from "../../../src/ipam/node-prefix.ts";
import type { Asker, Told, World } from "./world.ts";

interface Disk {
  forgotten: number;
  readonly files: Map<string, BlockAllocation>;
}

interface Container {
  readonly subnet: string;
  readonly app: string;
  readonly address: string;
  readonly identity?: string;
  readonly stickyForMs?: number;
}

/** What the agent does next; each may be its last. */
type Step = () => void;

export interface AttachWish extends Asker {
  readonly identity?: string;
  readonly stickyForMs?: number;
}

export class SimHost {
  readonly name: string;
  readonly #world: World;
  #disk: Disk = { forgotten: 0, files: new Map() };
  /** Kept on its disk. */
  agent: string;
  /** What the agent knows of its disk; undefined while it is down. */
  #memory: Disk | undefined;
  #steps: Step[] = [];
  readonly containers = new Map<string, Container>();
  /** Owners whose ADD did not end; the runtime may call it again. */
  readonly #unfinished = new Map<string, AttachWish>();
  boot = "";
  #toldBoot: string | undefined;
  #plan: Told["plan"] = new Map();
  isOn = false;
  /** How far its clock is off. */
  skewMs: number;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.agent = world.id("agent");
    this.skewMs = world.random.below(7_200_000) - 3_600_000;
    this.powerOn();
  }

  get isUp(): boolean {
    return this.#memory !== undefined;
  }

  get isIdle(): boolean {
    return this.#steps.length === 0;
  }

  get files(): readonly BlockAllocation[] {
    return [...this.#disk.files.values()];
  }

  powerOn(): boolean {
    if (this.isOn) return false;
    this.isOn = true;
    this.boot = this.#world.id("boot");
    this.start();
    // Nothing runs yet: what an earlier boot held is free.
    this.collect();
    return true;
  }

  powerOff(): boolean {
    if (!this.isOn) return false;
    this.crash();
    this.isOn = false;
    for (const owner of [...this.containers.keys()]) this.#end(owner);
    this.#unfinished.clear();
    return true;
  }

  start(): boolean {
    if (!this.isOn || this.#memory) return false;
    this.#memory = { forgotten: this.#disk.forgotten, files: new Map(this.#disk.files) };
    return true;
  }

  /** The agent is gone; containers run on. */
  crash(): boolean {
    const { isUp } = this;
    this.#memory = undefined;
    this.#toldBoot = undefined;
    this.#steps = [];
    return isUp;
  }

  /** Its files are gone, and its containers run on. */
  loseDisk(): boolean {
    if (!this.isOn) return false;
    this.crash();
    this.#disk = { forgotten: 0, files: new Map() };
    this.#unfinished.clear();
    this.agent = this.#world.id("agent");
    return this.start();
  }

  /** Takes the agent's next durable step, if it has one. */
  step(): boolean {
    const step = this.#steps.shift();
    step?.();
    return step !== undefined;
  }

  hello(): boolean {
    if (!this.isUp) return false;
    const replaces = this.#toldBoot;
    const { name: from, agent, boot } = this;
    const body = { kind: "hello", from, agent, boot, replaces } as const;
    this.#world.send({ to: "server", host: this.name, body });
    return true;
  }

  report(): boolean {
    if (!this.isUp || !this.isIdle) return false;
    const states = [...this.#memory!.files.values()].filter(({ stage }) => stage !== "lost");
    for (const state of states) {
      const body = { kind: "report", from: this.name, state } as const;
      this.#world.send({ to: "server", host: this.name, body });
    }
    return states.length > 0;
  }

  want(subnet: string, wantFree: number): boolean {
    if (!this.isUp || !this.isIdle) return false;
    const stock = { ranges: this.#given(subnet), wantFree, keepFree: wantFree };
    if (!isShort(this.#blocks(subnet), stock, this.#moment)) return false;
    const body = { kind: "want", from: this.name, subnet } as const;
    this.#world.send({ to: "server", host: this.name, body });
    return true;
  }

  giveBack(subnet: string, keepFree: number): boolean {
    if (!this.isUp || !this.isIdle) return false;
    const stock = { ranges: this.#given(subnet), wantFree: 0, keepFree };
    const state = surplus(this.#blocks(subnet), stock, this.#moment);
    if (state) this.#write(giveBack(state));
    return state !== undefined;
  }

  /** The control plane's view arrives. */
  hear(told: Told): void {
    if (!this.isUp || !this.isIdle) return;
    this.#plan = told.plan;
    this.#toldBoot = told.boot;
    const { forgotten, files } = this.#memory!;
    const running = () =>
      [...this.containers].map(([owner, { address, subnet }]) => ({
        ...{ owner, address },
        subnet: { namespace: "default", name: subnet },
      }));
    const holder = { forgotten, blocks: [...files.values()], running };
    const steps = heedView(holder, { ...told, boot: bootFor(told, this) }, this.#moment);
    for (const step of steps) this.#take(step);
  }

  /** ADD. Gives false where it is refused. */
  attach(owner: string, wish: AttachWish): boolean {
    if (!this.isUp || !this.isIdle) return false;
    const { subnet, app: _, ...more } = wish;
    const ranges = this.#world.rangesOf(wish, this.#on(subnet));
    try {
      const request = { owner, ranges, ...more };
      const { address, state } = allocate(this.#blocks(subnet), request, this.#moment);
      this.#unfinished.set(owner, wish);
      if (state !== this.#memory!.files.get(state.block)) this.#write(state);
      this.#steps.push(() => this.#begin(owner, { ...wish, address }));
      return true;
    } catch (error) {
      if (
        error instanceof ExhaustedError ||
        error instanceof UnavailableError ||
        error instanceof ConflictError
      )
        return false;
      throw error;
    }
  }

  /** ADD of a killed call, again. */
  attachAgain(): boolean {
    const entry = this.#world.random.pick([...this.#unfinished]);
    return entry !== undefined && this.attach(entry[0], entry[1]);
  }

  /** DEL: the container's link goes before its address is free. */
  detach(owner: string): boolean {
    if (!this.isUp || !this.isIdle || !this.containers.has(owner)) return false;
    this.#end(owner);
    this.#steps.push(() => {
      const changed = [...this.#memory!.files.values()].flatMap((state) => {
        const next = free(state, owner, this.#moment.nowMs);
        return next === state ? [] : [next];
      });
      for (const state of changed) this.#write(state);
    });
    return true;
  }

  /** GC: what belongs to no container is free. */
  collect(): boolean {
    if (!this.isUp || !this.isIdle) return false;
    this.#unfinished.clear();
    for (const state of this.#memory!.files.values()) {
      const next = freeUnless(state, (owner) => this.containers.has(owner), this.#moment.nowMs);
      if (next !== state) this.#write(next);
    }
    return !this.isIdle;
  }

  get #moment(): Moment {
    return { nowMs: this.#world.nowMs + this.skewMs, boot: this.boot };
  }

  #blocks(subnet: string): BlockAllocation[] {
    return [...this.#memory!.files.values()].filter((state) => state.subnet.name === subnet);
  }

  #on = (subnet: string) => ({ host: this.name, prefixes: this.#plan.get(subnet) ?? [] });
  #given = (subnet: string) =>
    rangesOn(this.name, this.#world.subnets.get(subnet)!.ranges, this.#on(subnet).prefixes);

  #begin(owner: string, container: Container): void {
    this.#unfinished.delete(owner);
    this.containers.set(owner, container);
    const user = { ...container, user: owner, nowMs: this.#world.nowMs };
    this.#world.oracle.begin(container.subnet, container.address, user);
  }

  #end(owner: string): void {
    const container = this.containers.get(owner)!;
    this.containers.delete(owner);
    const user = { ...container, user: owner, nowMs: this.#world.nowMs };
    this.#world.oracle.end(container.subnet, container.address, user);
  }

  #take(step: HolderStep): void {
    if (step.kind === "write") {
      this.#write(step.state);
      return;
    }
    const { block, revision } = step;
    this.#steps.push(() => {
      this.#disk.forgotten = Math.max(this.#disk.forgotten, revision);
      this.#memory!.forgotten = this.#disk.forgotten;
    });
    this.#steps.push(() => {
      this.#disk.files.delete(block);
      this.#memory!.files.delete(block);
    });
  }

  #write(state: BlockAllocation): void {
    this.#steps.push(() => {
      this.#disk.files.set(state.block, state);
      this.#memory!.files.set(state.block, state);
    });
  }
}
