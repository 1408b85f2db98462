/**
 * Writes a key from time to time, by which watches see that their stream lives, and forgets what is
 * older than some ticks. Of several servers one does each.
 */
import { type EtcdClient, EtcdError, grpcCode } from "./etcd-client.ts";
import { ownKeys, toEtcd } from "./etcd-keys.ts";
import { StoreUnavailableError } from "./store.ts";

export interface Ticks {
  readonly everyMs: number;
  /** What is older than so many ticks is forgotten; undefined: etcd's operator sees to that. */
  readonly keep?: number;
}

/** Five minutes, in which a client may come back and miss nothing. */
export const defaultTicks: Ticks = { everyMs: 10_000, keep: 30 };

export class EtcdTicker {
  readonly #client: EtcdClient;
  readonly #ticks: Ticks;
  readonly #timer: Timer;
  /** etcd's revisions at the last ticks, the oldest first. */
  readonly #revisions: number[] = [];
  /** The key's last change that was seen; -1 before the first look. */
  #seen = -1;

  constructor(client: EtcdClient, ticks: Ticks) {
    this.#client = client;
    this.#ticks = ticks;
    this.#timer = setInterval(() => void this.#take(), ticks.everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Writes it now. Gives etcd's revision. Throws StoreUnavailableError, EtcdError. */
  async tick(): Promise<number> {
    const request = { key: ownKeys.tick, value: toEtcd.text("1") };
    const { header } = await this.#client.call("kv/put", request, true);
    return Number(header.revision);
  }

  /** Forgets what was before this revision of etcd's. Throws StoreUnavailableError, EtcdError. */
  async compact(revision: number): Promise<void> {
    try {
      await this.#client.call("kv/compaction", { revision: String(revision) }, true);
    } catch (error) {
      if (!(error instanceof EtcdError) || error.code !== grpcCode.outOfRange) throw error;
      if (error.message.includes("compacted")) return;
      throw new RangeError(`Cannot compact to ${revision} of etcd's: it is not there yet`);
    }
  }

  async #take(): Promise<void> {
    try {
      await this.#turn();
    } catch (error) {
      // The next tick tries again, and who calls the store hears of it himself.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  async #turn(): Promise<void> {
    const { kvs, header } = await this.#client.call("kv/range", { key: ownKeys.tick }, true);
    const { keep } = this.#ticks;
    const old = this.#note(Number(header.revision), keep);
    const found = Number(kvs?.[0]?.mod_revision ?? 0);
    if (found !== this.#seen) {
      this.#seen = found;
      return;
    }
    const compare = { key: ownKeys.tick, target: "MOD", result: "EQUAL", mod_revision: `${found}` };
    const success = { request_put: { key: ownKeys.tick, value: toEtcd.text("1") } };
    const request = { compare: [compare], success: [success] };
    const answer = await this.#client.call("kv/txn", request, false);
    if (!answer.succeeded) return;
    this.#seen = Number(answer.header.revision);
    if (old !== undefined) await this.compact(old);
  }

  /** The revision of `keep` ticks ago, once there is one. */
  #note(revision: number, keep: number | undefined): number | undefined {
    this.#revisions.push(revision);
    return keep !== undefined && this.#revisions.length > keep
      ? this.#revisions.shift()
      : undefined;
  }
}
