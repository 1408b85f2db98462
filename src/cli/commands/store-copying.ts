/** What copying a store as a whole needs: the command line's part of it. */

/** From a store to a file, from a file to a store, from one store to another. */
export type StoreCopying =
  /** The store of this host's server unless named. */
  | { readonly verb: "backup"; readonly file: string; readonly store?: string }
  | { readonly verb: "restore"; readonly file: string; readonly store: string }
  | { readonly verb: "migrate"; readonly from: string; readonly to: string };

/** What was copied. */
export interface StoreCopied {
  readonly entries: number;
  /** Of the place that was written to. */
  readonly revision: number;
}
