/** What copying from store to store needs beyond `Store`. */
import type { Entry, Store } from "./store.ts";

/** A store that can be copied from and to. */
export interface CopyableStore extends Store {
  /** All entries that go with no lease, at one revision. */
  dump(): Promise<Dump>;
  /**
   * Puts entries into the empty store, under revisions above `above`, and forgets all earlier ones.
   * Gives the last. Throws RangeError where it is not empty. One that was cut short left nothing,
   * or a store that says so when it is opened.
   */
  fill(entries: readonly Pick<Entry, "key" | "value">[], above: number): Promise<number>;
}

export interface Dump {
  readonly entries: readonly Pick<Entry, "key" | "value">[];
  readonly revision: number;
}
