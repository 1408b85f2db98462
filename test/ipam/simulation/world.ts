/** What all parts of a simulation share: chance, clock, store, network and the subnets. */
import {
  givenRanges,
  type SubnetLayout,
  type SubnetName,
  wishableRanges,
} from "../../../src/ipam/block.ts";
import { type BlockAllocation, isAmong } from "../../../src/ipam/block-allocation.ts";
import type { BlockView } from "../../../src/ipam/block-holder.ts";
import type { Hello, HostFence } from "../../../src/ipam/host-fence.ts";
import { type NodePrefix, rangesOn } from "../../../src/ipam/node-prefix.ts";
import { type Pool, rangesFor, wishesFor } from "../../../src/ipam/pool.ts";
import { parseIp } from "../../../src/lib/ip.ts";
import { parsePrefix } from "../../../src/lib/prefix.ts";
import { type IpRange, ipRange } from "../../../src/lib/range.ts";
import { type ApiPort, MemoryStore } from "./memory-store.ts";
import { Oracle } from "./oracle.ts";
import type { Random } from "./random.ts";

export type ToServer = { readonly from: string } & (
  | ({ readonly kind: "hello" } & Hello)
  | { readonly kind: "report"; readonly state: BlockAllocation }
  | { readonly kind: "want"; readonly subnet: string }
);

export type Message =
  | { readonly to: "server"; readonly host: string; readonly body: ToServer }
  | { readonly to: "host"; readonly host: string; readonly body: Told };

export interface Told extends BlockView, HostFence {
  readonly boot: string;
  /** The host's own, by subnet. */
  readonly plan: ReadonlyMap<string, readonly NodePrefix[]>;
}

export interface Subnet {
  readonly name: SubnetName;
  readonly layout: SubnetLayout;
  /** What is given to who asks for no address of his own. */
  readonly ranges: readonly IpRange[];
  /** What may be asked for by address. */
  readonly wishable: readonly IpRange[];
  readonly pools: readonly Pool[];
}

/** Who wants an address of a subnet. */
export interface Asker {
  readonly subnet: string;
  /** What pools select by. */
  readonly app: string;
  /** This address and no other. */
  readonly address?: string;
}

/** Where an asker is, and hosts' prefixes as far as they are known there. */
export interface On {
  readonly host: string | undefined;
  readonly prefixes: readonly NodePrefix[];
}

const poolOf = (app: string, first: string, last: string): Pool => ({
  ranges: [ipRange(parseIp(first), parseIp(last))],
  labelSelector: { matchLabels: { app } },
});

/** Two that share addresses, one across blocks, in a subnet that is short of them. */
const pools: Readonly<Record<string, readonly Pool[]>> = {
  blue: [poolOf("web", "10.1.0.4", "10.1.0.11"), poolOf("db", "10.1.0.10", "10.1.0.13")],
  wide: [poolOf("db", "fd00:1::", "fd00:1::f")],
};

/** Small, so that they run short; the first two have equal prefixes. */
const subnets: readonly (readonly [name: string, cidr: string, blockLength: number])[] = [
  ["red", "10.1.0.0/27", 30],
  ["blue", "10.1.0.0/27", 29],
  ["six", "fd00::/123", 126],
  ["wide", "fd00:1::/64", 126],
];

export class World {
  readonly random: Random;
  readonly oracle = new Oracle((asker) => isAmong(this.rangesOf(asker), asker.address));
  readonly store: MemoryStore;
  readonly network: Message[] = [];
  /** Messages that were taken out, of late: they may come once more. */
  readonly #past: Message[] = [];
  readonly subnets = new Map<string, Subnet>();
  /** Hosts that the control plane and they can't reach one another. */
  readonly cutOff = new Set<string>();
  /** Since 1970, ms. */
  nowMs = 1_700_000_000_000;
  #ids = 0;

  constructor(random: Random) {
    this.random = random;
    this.store = new MemoryStore((before, after) => this.#portChanged(before, after));
    for (const [name, cidr, blockLength] of subnets) {
      const prefix = parsePrefix(cidr);
      const layout = {
        cidr: prefix,
        allocationPools: [],
        reserved: [],
        blockLength,
        gateway: { family: prefix.family, value: prefix.address + 1n },
      };
      this.subnets.set(name, {
        name: { namespace: "default", name },
        layout,
        ranges: givenRanges(layout),
        wishable: wishableRanges(layout),
        pools: pools[name] ?? [],
      });
    }
  }

  /** Hosts' own prefixes of a subnet. */
  planOf = (subnet: string): readonly NodePrefix[] => this.store.get("plan", subnet)?.value ?? [];

  /** Where the asker's address may be; unless `on` is set, on whatever host. */
  rangesOf({ subnet, address, app }: Asker, on?: On): IpRange[] {
    const { ranges, wishable, pools: all } = this.subnets.get(subnet)!;
    const user = { port: { app } };
    const given = on ? rangesOn(on.host, ranges, on.prefixes) : ranges;
    return address === undefined ? rangesFor(user, given, all) : wishesFor(user, wishable, all);
  }

  /** Whether its agent is the one that the host of its name has. */
  isServedBy = ({ name, agent }: { readonly name: string; readonly agent: string }): boolean =>
    this.store.get("host", name)?.value.agent === agent;

  /** Never given before. */
  id(prefix: string): string {
    return `${prefix}${++this.#ids}`;
  }

  send(message: Message): void {
    this.network.push(message);
    // What waits too long is lost.
    if (this.network.length > 300) this.takeMessage();
  }

  /** Takes a message out, whichever. */
  takeMessage(): Message | undefined {
    const at = this.random.below(this.network.length);
    const message = this.network[at];
    const last = this.network.pop();
    if (at < this.network.length) this.network[at] = last!;
    if (message) this.#past[this.random.below(500)] = message;
    return message;
  }

  /** Sends again what was sent before, maybe long ago. */
  repeat(): boolean {
    const message = this.#past[this.random.below(500)];
    if (message) this.send(message);
    return message !== undefined;
  }

  #portChanged(before: ApiPort | undefined, after: ApiPort | undefined): void {
    if (before?.address === after?.address) return;
    const port = (before ?? after)!;
    const { uid, subnet, app, identity, stickyForMs } = port;
    const user = { user: uid, app, identity, stickyForMs, nowMs: this.nowMs };
    if (before?.address) this.oracle.end(subnet, before.address, user);
    if (after?.address) this.oracle.begin(subnet, after.address, user);
  }
}
