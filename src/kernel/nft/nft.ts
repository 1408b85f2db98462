/** nftables as the engine sees it. The real one and the fake sit the same exam (`exam.ts`). */
import type { NftChainObject, NftElementObject } from "../../model/kernel-object.ts";
import type { NftFamily, NftHook, NftTableSpec } from "../../model/nft.ts";

type Ownership = "netns" | "scope" | "life";

/** An element without the marks of ownership that only Netloom knows. */
export type NftElement = Omit<NftElementObject, Ownership>;

/** A chain of ours outside the skeleton: one a network. */
export type NftChain = Omit<NftChainObject, Ownership>;

/** Names a table. */
export interface NftTableName {
  readonly family: NftFamily;
  readonly name: string;
}

/** Names a chain. */
export interface NftChainName {
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
}

/** Names a set or map. */
export type NftSetName = Pick<NftElement, "family" | "table" | "set">;

/** Names an element. */
export type NftElementName = Pick<NftElement, "family" | "table" | "set" | "key">;

/** One change of a transaction. Deleting what is not there is success. */
export type NftChange =
  | {
      readonly op: "add";
      readonly element: NftElement;
      /** An element with this key must not exist, not even with the same data. */
      readonly exclusive?: boolean;
    }
  | { readonly op: "delete"; readonly element: NftElementName }
  | ({ readonly op: "delete-rule"; readonly handle: number } & NftChainName)
  /** With its rules. Code `EBUSY` while a rule or an element leads to it. */
  | ({ readonly op: "delete-chain" } & NftChainName)
  /** With all that it holds. */
  | ({ readonly op: "delete-table" } & NftTableName);

/** A rule as the kernel holds it. */
export interface NftRule {
  readonly chain: string;
  readonly handle: number;
  readonly comment: string | undefined;
  /** Names of the chains that the rule jumps or goes to. */
  readonly targets: readonly string[];
  /** The constants that it compares with or loads, as packets hold them: addresses, ports. */
  readonly constants: readonly Uint8Array[];
}

/** A chain as the kernel holds it. */
export interface NftChainState {
  readonly name: string;
  readonly handle: number;
  /** Its rules and what leads to it, counted together. */
  readonly use: number;
  readonly hook: NftHook | undefined;
}

/** Everything in a table. */
export interface NftListing {
  /** Rules as nft words them, which may differ from how they were given. */
  readonly table: NftTableSpec;
  /** In no order. */
  readonly elements: readonly NftElement[];
}

/**
 * All calls work in the namespace that the object was made for, are synchronous and throw
 * NftError. A table, set or chain that is missing gives code `ENOENT`: install the skeleton with
 * `ensure` and repeat. Everything that changes is one transaction: all or nothing.
 */
export interface Nft {
  /**
   * Makes tables what they should be, unless they are; true if something changed. Elements stay,
   * but for those of a set whose type changes. Regular chains that a table does not list stay:
   * nothing leads to them, or elements do; base chains that it does not list go.
   */
  ensure(tables: readonly NftTableSpec[]): boolean;
  /** What `ensure` would throw, without changing anything. */
  check(tables: readonly NftTableSpec[]): void;
  /** Whether nobody removed or changed a rule of these tables. Cheap: it loads no library. */
  intact(tables: readonly NftTableSpec[]): boolean;
  /** The same three for chains without hooks, in tables that exist. */
  ensureChains(chains: readonly NftChain[]): boolean;
  intactChains(chains: readonly NftChain[]): boolean;

  /** Changes elements and removes things. An error's `index` tells which change was refused. */
  change(changes: readonly NftChange[]): void;
  /** The element with this key, or undefined. */
  element(name: NftElementName): NftElement | undefined;
  /** The same for many, asked in one go; undefined also where set or table are missing. */
  find(names: readonly NftElementName[]): (NftElement | undefined)[];
  /** All elements of a set or map, in no order. */
  elements(set: NftSetName): NftElement[];

  /** Which of these tables and chains exist, asked in one go. */
  present(names: readonly (NftTableName | NftChainName)[]): boolean[];
  /** The rules of a chain, in order. */
  rules(chain: NftChainName): NftRule[];
  /** The chains of a table; none if there is no such table. */
  chains(table: NftTableName): NftChainState[];
  /** A whole table, read through libnftables; undefined if there is none. */
  list(table: NftTableName): NftListing | undefined;
}
