/** One lease of one holder: its client, its file, and its link made to follow. */

import type { Log, LogEvent } from "../../lib/log.ts";
import type { DhcpFamily, DhcpLease, LeaseHolder } from "../../model/dhcp.ts";
import type { ClientState } from "../protocol.ts";
import { type AnyProtocol, Client, type ClientWorld } from "./client.ts";
import { LeaseError } from "./error.ts";
import { type FoundLink, isStillThere, moveAddresses, setMtu } from "./link.ts";
import type { LeaseRecord, LeaseStore } from "./store.ts";

export interface HeldClientWorld {
  readonly protocol: AnyProtocol;
  readonly store: LeaseStore;
  readonly world: ClientWorld;
  readonly log: Log;
  /** Somebody was given its lease before this daemon began. */
  readonly fromDisk: boolean;
  /** Takes it out of the keeper's list. */
  readonly forget: (held: HeldClient) => void;
}

interface Waiting {
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export class HeldClient implements Disposable {
  #record: LeaseRecord;
  readonly #with: HeldClientWorld;
  readonly #client: Client;
  readonly #waiters = new Set<() => void>();
  /** Its first lease was given to who asked for it: from now on the link follows. */
  #settled: boolean;
  /** The disk refused what the record says. */
  #unwritten = false;
  /** The link lacks its addresses, since they may not be used. */
  #lost: boolean;
  /** The link or its namespace went while a lease was asked for. */
  #gone = false;
  /** Why a packet could not be sent. */
  #trouble: string | undefined;

  constructor(record: LeaseRecord, held: HeldClientWorld) {
    this.#record = record;
    this.#with = held;
    this.#settled = held.fromDisk;
    this.#lost = held.fromDisk && record.state === undefined;
    this.#client = new Client(held.protocol, record.order.link, {
      world: held.world,
      events: {
        changed: (before, after) => this.#changed(before, after),
        failed: (error) => this.#failed(error),
      },
    });
  }

  get holder(): LeaseHolder {
    return this.#record.holder;
  }

  get family(): DhcpFamily {
    return this.#record.family;
  }

  /** Whether its lease was given to who asked for it. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** The lease, while it may be used. */
  get lease(): DhcpLease | undefined {
    const state = this.#client.state;
    return state?.stage === "held" ? state.lease : undefined;
  }

  isOf({ link, netnsIdentity }: FoundLink): boolean {
    const { order } = this.#record;
    return (
      netnsIdentity === this.#record.netnsIdentity &&
      link.index === order.link.index &&
      link.mac === order.link.mac
    );
  }

  /** Begins, with the state that the record has, if it has one. */
  go(): void {
    const { state, order } = this.#record;
    const { protocol } = this.#with;
    const known = state === undefined ? undefined : protocol.parseState(state);
    if (known === undefined) this.#client.start(order);
    else this.#client.resume(known as ClientState);
  }

  /** Waits for the lease. Throws LeaseError, with what went wrong, when patience ends. */
  async leased({ patienceMs, signal }: Waiting): Promise<DhcpLease> {
    const { ifName, containerId } = this.holder;
    const what = `Cannot get a DHCPv${this.family} lease for "${ifName}" of "${containerId}"`;
    const isDecided = () =>
      this.lease !== undefined || this.#gone || this.#client.state?.stage === "ended";
    const outcome = await this.#until(isDecided, { patienceMs, signal });
    if (this.lease) return this.lease;
    const trouble = this.#client.state?.trouble ?? this.#trouble ?? "no server answered";
    const after = outcome === "late" ? ` within ${Math.round(patienceMs / 1000)} s` : "";
    throw new LeaseError(
      outcome === "aborted"
        ? `${what}: nobody waits for it any more`
        : `${what}${after}: ${trouble}`,
    );
  }

  #until(condition: () => boolean, { patienceMs, signal }: Waiting) {
    return new Promise<"done" | "late" | "aborted">((resolve) => {
      const end = (outcome: "done" | "late" | "aborted") => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#waiters.delete(look);
        resolve(outcome);
      };
      const abort = () => end("aborted");
      const look = () => {
        if (condition()) end("done");
      };
      const timer = setTimeout(() => end("late"), patienceMs);
      signal.addEventListener("abort", abort);
      this.#waiters.add(look);
      if (signal.aborted) abort();
      else look();
    });
  }

  /** The lease is to be given to who asked for it: it is on disk from now on. Throws StoreError. */
  settle(): void {
    if (this.#settled) return;
    this.#applyMtu(undefined);
    this.#with.store.write(this.#record, { durable: true });
    this.#settled = true;
    this.#tell("info", "lease acquired");
  }

  async release(): Promise<void> {
    if (this.lease) this.#tell("info", "lease released");
    await this.#client.release();
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
    this.#notify();
  }

  removeRecord(): void {
    try {
      this.#with.store.remove(this.holder, this.family);
    } catch (error) {
      // At the next start its namespace is gone, and so will the file be.
      this.#tell("warn", "lease file stays", { error: String(error) });
    }
  }

  /** Looks whether it is of use still. */
  examine(): void {
    const { order, netnsIdentity } = this.#record;
    if (!isStillThere(order.link, netnsIdentity)) {
      this.#tell("info", "lease dropped", { error: "its namespace or link is gone" });
      this.#with.forget(this);
    } else if (this.#unwritten) this.#write();
  }

  #changed(before: ClientState | undefined, after: ClientState): void {
    if (after.stage === "held" && after.lease !== before?.lease) this.#renewed(before, after);
    else if (before?.stage === "held" && after.stage === "held") this.#remember(after);
    if (before?.stage === "held" && after.stage === "seeking") this.#lose(before, after);
    this.#notify();
  }

  #notify(): void {
    for (const look of [...this.#waiters]) look();
  }

  #renewed(before: ClientState | undefined, after: ClientState): void {
    this.#remember(after);
    if (!this.#settled) return;
    this.#write();
    if (this.#lost || !sameIps(before?.lease, after.lease)) {
      this.#move(this.#lost ? undefined : before?.lease, after.lease);
      this.#tell("warn", "address given again");
    } else this.#tell("info", "lease renewed");
    this.#lost = false;
    this.#applyMtu(before?.lease);
  }

  /** RFC 2131 section 4.4.5: its address may be another's from now on. */
  #lose(before: ClientState, after: ClientState): void {
    if (!this.#settled) return;
    this.#lost = true;
    this.#tell("error", "lease lost", { error: after.trouble });
    this.#move(before.lease, undefined);
    const { state: _, ...rest } = this.#record;
    this.#record = rest;
    this.#write();
  }

  #remember(state: ClientState): void {
    this.#record = { ...this.#record, state };
  }

  #write(): void {
    try {
      this.#with.store.write(this.#record);
      this.#unwritten = false;
    } catch (error) {
      this.#unwritten = true;
      this.#tell("error", "lease not written", { error: String(error) });
    }
  }

  #move(from: DhcpLease | undefined, to: DhcpLease | undefined): void {
    try {
      moveAddresses(this.#record.order.link, from, to);
    } catch (error) {
      this.#tell("error", "addresses not changed", { error: String(error) });
    }
  }

  #applyMtu(before: DhcpLease | undefined): void {
    const mtu = this.lease?.mtu;
    if (mtu === undefined || mtu === before?.mtu) return;
    try {
      setMtu(this.#record.order.link, mtu);
    } catch (error) {
      this.#tell("warn", "MTU not set", { mtu, error: String(error) });
    }
  }

  #failed(error: Error): void {
    this.#trouble = error.message;
    this.#tell("warn", "packet not sent", { error: error.message });
    // Not from within a step of its own.
    queueMicrotask(() => {
      const { order, netnsIdentity } = this.#record;
      if (this.#settled) this.examine();
      else if (!isStillThere(order.link, netnsIdentity)) {
        this.#gone = true;
        this.#notify();
      }
    });
  }

  #tell(level: LogEvent["level"], event: string, more: Record<string, unknown> = {}): void {
    const { holder, family } = this;
    const { lease, phase } = this.#client.state ?? {};
    const address = lease?.ips[0]?.address;
    this.#with.log({
      level,
      event,
      ...holder,
      family,
      ...(address && { address, server: lease?.server }),
      phase,
      ...more,
    });
  }
}

function sameIps(a: DhcpLease | undefined, b: DhcpLease | undefined): boolean {
  const text = (lease: DhcpLease | undefined) => lease?.ips.map((ip) => ip.address).join(" ");
  return text(a) === text(b);
}
