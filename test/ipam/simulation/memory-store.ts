/** A store with compare-and-set in memory, of objects that are never changed in place. */

import type { IpBlock } from "../../../src/ipam/block-lease.ts";
import type { HostFence } from "../../../src/ipam/host-fence.ts";
import type { NodePrefix } from "../../../src/ipam/node-prefix.ts";

/** A port that is made by API. Its address is in use from the commit that sets it. */
export interface ApiPort {
  readonly uid: string;
  readonly subnet: string;
  /** What pools select by. */
  readonly app: string;
  readonly wish?: string;
  readonly identity?: string;
  readonly stickyForMs?: number;
  readonly host?: string;
  readonly address?: string;
}

export interface Kinds {
  readonly block: IpBlock;
  readonly host: HostFence;
  readonly port: ApiPort;
  /** Hosts' own prefixes, by subnet. */
  readonly plan: readonly NodePrefix[];
}

export interface Stored<Kind extends keyof Kinds = keyof Kinds> {
  readonly revision: number;
  readonly value: Kinds[Kind];
}

/** What must hold; revision 0: there is no such key. */
export interface Condition {
  readonly kind: keyof Kinds;
  readonly name: string;
  readonly revision: number;
}

export type Change = {
  [Kind in keyof Kinds]: {
    readonly kind: Kind;
    readonly name: string;
    readonly value?: Kinds[Kind];
  };
}[keyof Kinds];

export class MemoryStore {
  readonly #tables = {
    block: new Map<string, Stored<"block">>(),
    host: new Map<string, Stored<"host">>(),
    port: new Map<string, Stored<"port">>(),
    plan: new Map<string, Stored<"plan">>(),
  };
  readonly #onPort: (before: ApiPort | undefined, after: ApiPort | undefined) => void;
  revision = 1;

  /** `onPort` hears of each port that changes. */
  constructor(onPort: (before: ApiPort | undefined, after: ApiPort | undefined) => void) {
    this.#onPort = onPort;
  }

  get<Kind extends keyof Kinds>(kind: Kind, name: string): Stored<Kind> | undefined {
    return this.#table(kind).get(name);
  }

  list<Kind extends keyof Kinds>(kind: Kind): [name: string, stored: Stored<Kind>][] {
    return [...this.#table(kind)];
  }

  /** All or nothing. */
  commit(conditions: readonly Condition[], changes: readonly Change[]): boolean {
    const stands = ({ kind, name, revision }: Condition) =>
      (this.get(kind, name)?.revision ?? 0) === revision;
    if (!conditions.every(stands)) return false;
    this.revision++;
    for (const { kind, name, value } of changes) {
      const table = this.#table(kind);
      const before = table.get(name)?.value;
      if (value === undefined) table.delete(name);
      else table.set(name, { revision: this.revision, value });
      if (kind === "port") this.#onPort(before as ApiPort | undefined, value);
    }
    return true;
  }

  #table<Kind extends keyof Kinds>(kind: Kind): Map<string, Stored<Kind>> {
    return this.#tables[kind] as unknown as Map<string, Stored<Kind>>;
  }
}
