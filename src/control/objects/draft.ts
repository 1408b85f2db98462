/** A commit in the making: what must hold, and what changes with it. */
import type { Change, Condition, Entry, Lease, Store } from "../store/store.ts";

export class Draft {
  readonly store: Store;
  readonly #conditions = new Map<string, number>();
  readonly #changes = new Map<string, Change>();

  constructor(store: Store) {
    this.store = store;
  }

  /** The key's last change must still be this one; 0: there must be no such key. */
  expect(key: string, revision: number): void {
    this.#conditions.set(key, revision);
  }

  put(key: string, value: string, lease?: Lease): void {
    this.#changes.set(key, { key, value, ...(lease && { lease }) });
  }

  remove(key: string): void {
    this.#changes.set(key, { key });
  }

  /** What stands under the key, which must stay so until the commit. */
  async read(key: string): Promise<Entry | undefined> {
    const entry = await this.store.get(key);
    this.expect(key, entry?.revision ?? 0);
    return entry;
  }

  /** Lets no two commits of a sort be made at once: the later one begins anew. */
  async takeTurn(key: string): Promise<void> {
    await this.read(key);
    this.put(key, "");
  }

  /** Its revision; undefined where something else came first, and nothing was changed. */
  commit(): Promise<number | undefined> {
    const conditions: Condition[] = [...this.#conditions].map(([key, revision]) => ({
      key,
      revision,
    }));
    return this.store.commit(conditions, [...this.#changes.values()]);
  }
}

/** Before another try: longer with each, and never the same for two. */
export const pause = (tries: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(tries, 20)));
