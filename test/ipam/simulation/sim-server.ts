/** One of several servers: what it reads in one step it commits in a later one, if at all. */
import {
  claimStep,
  type IpBlock,
  isSpent,
  leaseBlock,
  leasedBlock,
  leaseOut,
  recallBlock,
  receiveReport,
  reclaimBlock,
  withClaim,
  withoutClaims,
} from "../../../src/ipam/block-lease.ts";
import {
  type Hello,
  type Incarnation,
  mayLease,
  mayReclaim,
  welcome,
} from "../../../src/ipam/host-fence.ts";
import { isInPlace, rangesOn } from "../../../src/ipam/node-prefix.ts";
import { claimRanges, placeBlock, placeClaim } from "../../../src/ipam/placement.ts";
import { parsePrefix } from "../../../src/lib/prefix.ts";
import type { ApiPort, Change, Condition, Kinds, Stored } from "./memory-store.ts";
import { declareOver, joinHost, removeHost } from "./operator.ts";
import { Violation } from "./oracle.ts";
import type { ToServer, World } from "./world.ts";

interface Commit {
  readonly conditions: readonly Condition[];
  readonly changes: readonly Change[];
  readonly then?: () => void;
}

export class SimServer {
  readonly #world: World;
  #pending: Commit[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** How many commits it has in hand. */
  get inHand(): number {
    return this.#pending.length;
  }

  /** What it had in hand is not done, or it is and it did not hear of it. */
  crash(): boolean {
    const had = this.#pending.length > 0;
    if (this.#world.random.chance(0.3)) this.step();
    this.#pending = [];
    return had;
  }

  /** Commits one of what it has in hand, or finds that it may not. */
  step(): boolean {
    const at = this.#world.random.below(this.#pending.length);
    const [commit] = this.#pending.splice(at, 1);
    if (!commit) return false;
    const { conditions, changes, then } = commit;
    const done = changes.length === 0 || this.#world.store.commit(conditions, changes);
    if (done) then?.();
    return true;
  }

  receive(message: ToServer): void {
    if (message.kind === "hello") this.#welcome(message.from, message);
    else if (message.kind === "want") this.#lease(message.from, message.subnet);
    else {
      const stored = this.#world.store.get("block", message.state.block);
      if (stored) this.#put(stored, receiveReport(stored.value, message.state, this.#taking));
    }
  }

  /** Tells a host what it has. The blocks are read after the boot was. */
  tell(host: string): void {
    const fence = this.#world.store.get("host", host)?.value;
    if (fence === undefined) return;
    this.#then([], [], () => {
      const { store } = this.#world;
      const blocks = store.list("block").map(([, { value }]) => value);
      const own = blocks.filter(({ spec }) => spec.host === host).map(leasedBlock);
      const plan = new Map(
        [...this.#world.subnets.keys()].map((subnet) => [
          subnet,
          this.#world.planOf(subnet).filter((each) => each.host === host),
        ]),
      );
      const body = { ...fence, revision: store.revision, blocks: own, plan };
      this.#world.send({ to: "host", host, body });
    });
  }

  /** Its operator lets a host join that is running. */
  join(host: string, { agent, boot }: Incarnation): void {
    if (this.#world.store.get("host", host)) return;
    const change = { kind: "host", name: host, value: joinHost(agent, boot) } as const;
    this.#then([when("host", host, undefined)], [change]);
  }

  #welcome(host: string, hello: Hello): void {
    const stored = this.#world.store.get("host", host);
    const next = stored && welcome(stored.value, hello);
    if (!next) return;
    if (next === stored.value) this.tell(host);
    else {
      const change = { kind: "host", name: host, value: next } as const;
      this.#then([when("host", host, stored)], [change], () => this.tell(host));
    }
  }

  #lease(host: string, subnetName: string): void {
    const { store, subnets, nowMs } = this.#world;
    const fence = store.get("host", host);
    if (!fence || !mayLease(fence.value)) return;
    const { name, layout, ranges: all } = subnets.get(subnetName)!;
    const plan = store.get("plan", subnetName);
    const ranges = rangesOn(host, all, plan?.value ?? []);
    const blocks = this.#blocksOf(subnetName);
    const place = placeBlock(
      blocks.map(({ value }) => value),
      { layout, ranges, nowMs },
    );
    const lease = this.#world.id("lease");
    if (place.kind === "none") return;
    const value =
      place.kind === "lease"
        ? leaseBlock(name, place.cidr, { host, lease })
        : leaseOut(place.block, { host, lease });
    this.#then(
      [
        ...[when("host", host, fence), when("plan", subnetName, plan)],
        when("block", value.name, store.get("block", value.name)),
      ],
      [{ kind: "block", name: value.name, value }],
      () => {
        if (this.#isMisplaced(value)) {
          throw new Violation(`"${host}" was leased ${value.name}, where hosts' prefixes say not`);
        }
        this.tell(host);
      },
    );
  }

  /** Brings one port on: claims an address for it, or gives it what was granted. */
  servePort(uid: string): void {
    const { store } = this.#world;
    const stored = store.get("port", uid);
    if (!stored) return;
    const port = stored.value;
    const claimed = this.#blocksOf(port.subnet).filter(({ value }) => claimOf(value, uid));
    if (port.address === undefined && claimed.length === 0) this.#claim(port, stored);
    for (const block of claimed) {
      const claim = claimOf(block.value, uid)!;
      const step = claimStep(block.value, claim, port.address);
      const both = [when("block", block.value.name, block), when("port", uid, stored)];
      if (step.kind === "use") {
        const value = { ...port, address: step.address };
        this.#then(both, [{ kind: "port", name: uid, value }]);
      } else if (step.kind === "end") this.#end(block.value, [claim.id], both);
      else if (step.kind === "wait" && this.#world.random.chance(0.2)) {
        // The holder may be away: another block may serve.
        this.#claim(port, stored);
      }
    }
  }

  #claim(port: ApiPort, stored: Stored<"port">): void {
    const { store, subnets, nowMs } = this.#world;
    const { name, layout } = subnets.get(port.subnet)!;
    const blocks = this.#blocksOf(port.subnet).map(({ value }) => value);
    const tried = new Set(
      blocks.filter((block) => claimOf(block, port.uid)).map((block) => block.name),
    );
    const { wish: address, identity, host } = port;
    const on = { host, prefixes: this.#world.planOf(port.subnet) };
    const ranges = this.#world.rangesOf({ ...port, address }, on);
    const place = placeClaim(blocks, { layout, ranges, address, identity, host, tried, nowMs });
    if (place.kind === "none") return;
    const lease = { host: "", lease: this.#world.id("lease") };
    const block = place.kind === "claim" ? place.block : leaseBlock(name, place.cidr, lease);
    const claim = {
      id: this.#world.id("claim"),
      owner: port.uid,
      ranges: claimRanges(block, ranges),
      ...(address !== undefined && { address }),
      ...(identity !== undefined && { identity, stickyForMs: port.stickyForMs }),
    };
    const value = withClaim(block, claim, nowMs);
    this.#then(
      [when("port", port.uid, stored), when("block", block.name, store.get("block", block.name))],
      [{ kind: "block", name: block.name, value }],
    );
  }

  /** Ends claims of ports that are no more, and removes a block that nobody needs. */
  tidy(name: string): void {
    const { store, nowMs } = this.#world;
    const stored = store.get("block", name);
    if (!stored) return;
    const orphans = stored.value.spec.claims.filter(({ owner }) => !store.get("port", owner));
    // No port comes back under its uid, so nothing about ports need stand until the commit.
    const condition = when("block", name, stored);
    if (orphans.length > 0) {
      this.#end(
        stored.value,
        orphans.map(({ id }) => id),
        [condition],
      );
    } else if (isSpent(stored.value, nowMs)) this.#then([condition], [{ kind: "block", name }]);
  }

  #end(block: IpBlock, ids: readonly string[], conditions: readonly Condition[]): void {
    const value = withoutClaims(block, new Set(ids), this.#world.nowMs);
    this.#then(conditions, [{ kind: "block", name: block.name, value }]);
  }

  /** The operator removes a host. `isOff`: he looked, and nothing of it runs. */
  remove(host: string, isOff: boolean): void {
    const stored = this.#world.store.get("host", host);
    if (!stored) return;
    const { value: fence } = stored;
    const value = isOff ? declareOver(fence, fence.boot) : removeHost(fence);
    this.#then([when("host", host, stored)], [{ kind: "host", name: host, value }], () => {
      if (isOff) this.#world.oracle.forgetKept();
    });
  }

  /** Brings a host's removal on. */
  serveRemoval(host: string): void {
    const { store } = this.#world;
    const stored = store.get("host", host);
    if (!stored || mayLease(stored.value)) return;
    const own = store.list("block").filter(([, { value }]) => value.spec.host === host);
    const isOver = mayReclaim(stored.value);
    for (const [, block] of own) {
      if (isOver) this.#put(block, reclaimBlock(block.value, this.#taking));
      else if (!block.value.spec.recalled) this.#put(block, recallBlock(block.value));
    }
    if (own.length > 0) return;
    this.#then([when("host", host, stored)], [{ kind: "host", name: host }]);
  }

  #isMisplaced({ spec: { host, cidr, subnet } }: IpBlock): boolean {
    const plan = this.#world.planOf(subnet.name);
    return host !== "" && !isInPlace({ host, cidr: parsePrefix(cidr) }, plan);
  }

  /** Recalls a block that lies where hosts' prefixes say not. */
  recall(name: string): void {
    const stored = this.#world.store.get("block", name);
    if (!stored || stored.value.spec.recalled || !this.#isMisplaced(stored.value)) return;
    this.#put(stored, recallBlock(stored.value));
  }

  get #taking() {
    return { lease: this.#world.id("lease"), nowMs: this.#world.nowMs };
  }

  #put(stored: Stored<"block">, value: IpBlock | undefined): void {
    if (value === stored.value) return;
    const { name } = stored.value;
    this.#then([when("block", name, stored)], [{ kind: "block", name, ...(value && { value }) }]);
  }

  #then(conditions: readonly Condition[], changes: readonly Change[], then?: () => void): void {
    this.#pending.push({ conditions, changes, ...(then && { then }) });
  }

  #blocksOf(subnet: string): Stored<"block">[] {
    return this.#world.store
      .list("block")
      .map(([, stored]) => stored)
      .filter(({ value }) => value.spec.subnet.name === subnet);
  }
}

const when = <Kind extends keyof Kinds>(
  kind: Kind,
  name: string,
  stored: Stored<Kind> | undefined,
): Condition => ({ kind, name, revision: stored?.revision ?? 0 });

const claimOf = (block: IpBlock, owner: string) =>
  block.spec.claims.find((claim) => claim.owner === owner);
