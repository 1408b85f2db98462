/** Holds leases: gets them, keeps them on disk and renewed, gives them back. */

import type { Log } from "../../lib/log.ts";
import type { DhcpCall, DhcpFamily, DhcpLease, HeldLease, LeaseHolder } from "../../model/dhcp.ts";
import type { Attachment } from "../../model/port.ts";
import type { ClientOrder } from "../protocol.ts";
import type { AnyProtocol, ClientWorld } from "./client.ts";
import { LeaseError } from "./error.ts";
import { HeldClient } from "./held-client.ts";
import { type FoundLink, isSameNetns, readiedForSixth, requireClientLink } from "./link.ts";
import { holderId, type LeaseRecord, type LeaseStore, leaseKey } from "./store.ts";

export interface KeeperSettings {
  readonly protocols: readonly AnyProtocol[];
  readonly store: LeaseStore;
  readonly world: ClientWorld;
  readonly boot: string;
  readonly log: Log;
  /** How long a lease is asked for. */
  readonly patienceMs: number;
  /** The longest wait between two tries to get one. */
  readonly maxRetryMs?: number;
  /** Answers are asked for by broadcast on every link, not only where it needs them. */
  readonly broadcast?: boolean;
}

type AcquireCall = Extract<DhcpCall, { verb: "acquire" }>;

export class Keeper {
  readonly #settings: KeeperSettings;
  /** By `leaseKey`. */
  readonly #held = new Map<string, HeldClient>();
  /** The end of what is under way for a holder: calls for one go one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** By `holderId`: to end an acquire that is no longer wanted. */
  readonly #seeking = new Map<string, AbortController>();

  constructor(settings: KeeperSettings) {
    this.#settings = settings;
  }

  /** Whether there is anything to do until the next call. */
  get isIdle(): boolean {
    return this.#held.size === 0 && this.#turns.size === 0;
  }

  /** Goes on with what is on disk. Throws StoreError. */
  load(): void {
    const { store, log, boot } = this.#settings;
    const broken = (path: string) => log({ level: "warn", event: "lease file unreadable", path });
    for (const record of store.list(broken)) {
      const { order, netnsIdentity, holder } = record;
      if (record.boot === boot && isSameNetns(order.link.netns, netnsIdentity))
        this.#go(record, { fromDisk: true });
      else {
        log({ level: "info", event: "lease dropped", ...holder, error: "its namespace is gone" });
        store.remove(holder, record.family);
      }
    }
  }

  /**
   * The holder's leases, one a family, once they may be used and are on disk; those that it has
   * already are given again. None is kept when one can't be had, or `signal` says that nobody waits
   * any more. Throws LeaseError, LinkError, StoreError.
   */
  acquire(call: AcquireCall, signal: AbortSignal): Promise<DhcpLease[]> {
    const id = holderId(call.holder);
    return this.#inTurn(id, async () => {
      const ended = new AbortController();
      const abort = () => ended.abort();
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      this.#seeking.set(id, ended);
      try {
        return await this.#acquire(call, ended.signal);
      } finally {
        signal.removeEventListener("abort", abort);
        this.#seeking.delete(id);
      }
    });
  }

  /** Ends an acquire of the holder that still waits: it fails as where nobody waits any more. */
  giveUp(holder: LeaseHolder): void {
    this.#seeking.get(holderId(holder))?.abort();
  }

  /** Gives the holder's leases back. None is fine. */
  release(holder: LeaseHolder): Promise<void> {
    this.giveUp(holder);
    return this.#inTurn(holderId(holder), async () => {
      for (const held of this.#of(holder)) await this.#giveBack(held);
    });
  }

  /** Releases what the network's holders that are not `valid` have, and gives those. */
  async collect(network: string, valid: readonly Attachment[]): Promise<HeldLease[]> {
    const kept = new Set(valid.map(({ containerId, ifName }) => `${containerId}\0${ifName}`));
    const gone = this.list().filter(
      ({ holder }) =>
        holder.network === network && !kept.has(`${holder.containerId}\0${holder.ifName}`),
    );
    for (const { holder } of gone) await this.release(holder);
    return gone;
  }

  list(): HeldLease[] {
    return [...this.#held.values()].flatMap(({ holder, lease }) =>
      lease ? { holder, lease } : [],
    );
  }

  /** Drops leases whose namespace or link is gone, and writes again what the disk refused. */
  sweep(): void {
    for (const held of this.#held.values()) held.examine();
  }

  /** Ends all work. Leases stay, on disk and with their servers. */
  stop(): void {
    for (const held of this.#held.values()) held[Symbol.dispose]();
    this.#held.clear();
  }

  #of(holder: LeaseHolder): HeldClient[] {
    return ([4, 6] as const).flatMap((family) => this.#held.get(leaseKey(holder, family)) ?? []);
  }

  async #acquire(call: AcquireCall, signal: AbortSignal): Promise<DhcpLease[]> {
    const found = requireClientLink(call.netns, call.holder.ifName);
    const clients: HeldClient[] = [];
    try {
      for (const family of [4, 6] as const) {
        const wishes = call.order[`v${family}`];
        if (wishes) clients.push(this.#clientFor(call, { family, wishes, found }));
      }
      const { patienceMs } = this.#settings;
      const leases = await Promise.all(clients.map((each) => each.leased({ patienceMs, signal })));
      for (const client of clients) client.settle();
      return leases;
    } catch (error) {
      for (const client of clients) if (!client.isSettled) await this.#giveBack(client);
      throw error;
    }
  }

  /** The client that the holder has already, if it is of the same link, or a new one. */
  #clientFor(
    { holder, order, keep = [] }: AcquireCall,
    { family, wishes, found }: { family: DhcpFamily; wishes: unknown; found: FoundLink },
  ): HeldClient {
    const known = this.#held.get(leaseKey(holder, family));
    if (known?.isOf(found)) return known;
    if (known) this.#forget(known);
    const { maxRetryMs, broadcast, boot } = this.#settings;
    const kept = keep.find((address) => address.includes(":") === (family === 6));
    const clientOrder: ClientOrder<unknown> = {
      clientId: order.clientId,
      link: family === 6 ? readiedForSixth(found.link) : found.link,
      wishes,
      ...(kept !== undefined && { keep: kept }),
      // Its links share their parent's hardware address: only broadcasts reach one without an IP.
      ...((broadcast || found.link.kind === "ipvlan") && { broadcast: true }),
      ...(maxRetryMs !== undefined && { maxRetryMs }),
    };
    const { netnsIdentity } = found;
    return this.#go({ version: 1, boot, holder, family, netnsIdentity, order: clientOrder }, {});
  }

  #go(record: LeaseRecord, { fromDisk = false }): HeldClient {
    const { store, world, log, protocols } = this.#settings;
    const protocol = protocols.find(({ family }) => family === record.family);
    if (!protocol) throw new LeaseError(`No lease of DHCPv${record.family} is to be had here`);
    const forget = (held: HeldClient) => this.#forget(held);
    const held = new HeldClient(record, { protocol, store, world, log, fromDisk, forget });
    this.#held.set(leaseKey(record.holder, record.family), held);
    held.go();
    return held;
  }

  async #giveBack(held: HeldClient): Promise<void> {
    await held.release();
    this.#forget(held);
  }

  #forget(held: HeldClient): void {
    held[Symbol.dispose]();
    held.removeRecord();
    const key = leaseKey(held.holder, held.family);
    if (this.#held.get(key) === held) this.#held.delete(key);
  }

  /** Runs `work` when what came before for the same holder has ended. */
  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id);
    const turn = (async () => {
      await before?.catch(() => {});
      return work();
    })();
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }
}
