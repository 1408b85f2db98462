/** nftables in memory, for tests of what stands on it. It sits the same exam as the kernel's. */
import type { NftHook, NftMapSpec, NftSetSpec, NftTableSpec, NftType } from "../../model/nft.ts";
import * as elements from "./elements.ts";
import { NftError } from "./error.ts";
import type {
  Nft,
  NftChain,
  NftChainName,
  NftChainState,
  NftChange,
  NftElement,
  NftElementName,
  NftListing,
  NftRule,
  NftSetName,
  NftTableName,
} from "./nft.ts";
import { deleteChain } from "./objects.ts";
import { type MarkedChain, markedChain, markedChains, replacedChains } from "./spec.ts";
import { typesOf } from "./value.ts";

interface FakeChain {
  handle: number;
  hook: NftHook | undefined;
  rules: { handle: number; text: string; mark: string }[];
}
interface FakeSet {
  key: readonly NftType[];
  data: readonly NftType[] | "verdict" | undefined;
  elements: Map<string, NftElement>;
}
interface FakeTable {
  handles: number;
  chains: Map<string, FakeChain>;
  sets: Map<string, FakeSet>;
}

const label = (name: NftTableName) => `${name.family} ${name.name}`;
const tableOf = (name: { family: string; table: string }) => `${name.family} ${name.table}`;
const keyOf = (name: NftElementName) => JSON.stringify(name.key);

function missing(op: string, index?: number): NftError {
  return new NftError(op, "No such file or directory", { code: "ENOENT", index });
}

/** Chains and sets that a rule's text leads to. */
function references(text: string): { chains: string[]; sets: string[] } {
  const names = (form: RegExp) => [...text.matchAll(form)].map((match) => match[1]!);
  return { chains: names(/\b(?:jump|goto) (\S+)/g), sets: names(/@(\S+)/g) };
}

/** Understands of rules only what they refer to. */
export class FakeNft implements Nft {
  #tables = new Map<string, FakeTable>();

  /** What `nft flush ruleset` by an outside hand does. */
  flushRuleset(): void {
    this.#tables.clear();
  }

  ensure(tables: readonly NftTableSpec[]): boolean {
    const broken = tables.filter((table) => !this.intact([table]));
    this.#transaction(() => {
      for (const table of broken) this.#install(table);
    });
    return broken.length > 0;
  }

  check(tables: readonly NftTableSpec[]): void {
    const before = structuredClone(this.#tables);
    try {
      for (const table of tables) this.#install(table);
    } finally {
      this.#tables = before;
    }
  }

  /** All of `work` or nothing. */
  #transaction(work: () => void): void {
    const before = structuredClone(this.#tables);
    try {
      work();
    } catch (error) {
      this.#tables = before;
      throw error;
    }
  }

  #install(spec: NftTableSpec): void {
    const empty: FakeTable = { handles: 0, chains: new Map(), sets: new Map() };
    const table = this.#tables.get(label(spec)) ?? empty;
    this.#tables.set(label(spec), table);
    const states = this.chains(spec);
    for (const { name } of replacedChains(spec.chains, states)) table.chains.delete(name);
    const sets: (NftSetSpec & Partial<NftMapSpec>)[] = [...spec.sets, ...spec.maps];
    for (const { name, key, data } of sets) {
      const old = table.sets.get(name);
      const kept = old && String(old.key) === String(key) && String(old.data) === String(data);
      if (!kept) table.sets.set(name, { key, data, elements: new Map() });
    }
    this.#fill(table, markedChains(spec), `install table "${label(spec)}"`);
  }

  #fill(table: FakeTable, chains: readonly MarkedChain[], op: string): void {
    for (const { name, hook, kept } of chains) {
      const policy = hook && { policy: "accept" as const, ...hook };
      const old = table.chains.get(name);
      const own = { handle: old?.handle ?? ++table.handles, hook: policy, rules: [] };
      table.chains.set(name, (kept && old) || own);
    }
    for (const { name, rules } of chains) {
      for (const { text, mark } of rules) {
        const needs = references(text);
        if (!needs.chains.every((chain) => table.chains.has(chain))) throw missing(op);
        if (!needs.sets.every((set) => table.sets.has(set))) throw missing(op);
        table.chains.get(name)!.rules.push({ handle: ++table.handles, text, mark });
      }
    }
  }

  intact(tables: readonly NftTableSpec[]): boolean {
    return tables.every((spec) => this.#holds(label(spec), markedChains(spec)));
  }

  #holds(table: string, chains: readonly MarkedChain[]): boolean {
    return chains.every(({ name, rules, kept }) => {
      const found = this.#tables.get(table)?.chains.get(name);
      const marks = found?.rules.map((rule) => rule.mark);
      if (kept) return found !== undefined;
      return marks !== undefined && String(marks) === String(rules.map((rule) => rule.mark));
    });
  }

  ensureChains(chains: readonly NftChain[]): boolean {
    if (this.intactChains(chains)) return false;
    this.#transaction(() => {
      for (const chain of chains) {
        const op = `install chain "${tableOf(chain)} ${chain.chain}"`;
        const table = this.#tables.get(tableOf(chain));
        if (!table) throw missing(op);
        this.#fill(table, [markedChain(chain)], op);
      }
    });
    return true;
  }

  intactChains(chains: readonly NftChain[]): boolean {
    return chains.every((chain) => this.#holds(tableOf(chain), [markedChain(chain)]));
  }

  change(changes: readonly NftChange[]): void {
    // The codec is the judge of what fits, before anything happens.
    for (const change of changes) if (change.op === "add") elements.addElement(change.element);
    this.#transaction(() => {
      changes.forEach((change, index) => void this.#apply(change, index));
    });
  }

  #apply(change: NftChange, index: number): void {
    if (change.op === "add") {
      this.#add(change.element, change.exclusive === true, index);
    } else if (change.op === "delete") {
      const { element } = change;
      const set = this.#tables.get(tableOf(element))?.sets.get(element.set);
      set?.elements.delete(keyOf(element));
    } else if (change.op === "delete-table") {
      this.#tables.delete(label(change));
    } else {
      this.#deleteRules(change, index);
    }
  }

  #deleteRules(change: NftChange & NftChainName, index: number): void {
    const table = this.#tables.get(tableOf(change));
    const chain = table?.chains.get(change.chain);
    if (!table || !chain) return;
    if (change.op === "delete-rule") {
      chain.rules = chain.rules.filter((rule) => rule.handle !== change.handle);
    } else if (leads(table, change.chain) > 0) {
      throw new NftError(deleteChain(change).op, "EBUSY", { code: "EBUSY", index });
    } else {
      table.chains.delete(change.chain);
    }
  }

  #add(element: NftElement, exclusive: boolean, index: number): void {
    const { op } = elements.addElement(element);
    const table = this.#tables.get(tableOf(element));
    const set = table?.sets.get(element.set);
    if (!table || !set) throw missing(op, index);
    const { data } = element;
    const target = data && ("goto" in data ? data.goto : "jump" in data ? data.jump : undefined);
    if (target !== undefined && !table.chains.has(target)) throw missing(op, index);
    const type = data && ("values" in data ? typesOf(data.values) : "verdict");
    if (String(typesOf(element.key)) !== String(set.key) || String(type) !== String(set.data)) {
      throw new NftError(op, "EINVAL", { code: "EINVAL", index });
    }
    const old = set.elements.get(keyOf(element));
    if (old && (exclusive || JSON.stringify(old.data) !== JSON.stringify(data))) {
      throw new NftError(op, "EEXIST", { code: "EEXIST", index });
    }
    if (!old) set.elements.set(keyOf(element), withoutOwner(element));
  }

  element(name: NftElementName): NftElement | undefined {
    return this.#set(name).elements.get(keyOf(name));
  }

  find(names: readonly NftElementName[]): (NftElement | undefined)[] {
    return names.map((name) =>
      this.#tables.get(tableOf(name))?.sets.get(name.set)?.elements.get(keyOf(name)),
    );
  }

  elements(name: NftSetName): NftElement[] {
    return [...this.#set(name).elements.values()];
  }

  #set(name: NftSetName): FakeSet {
    const set = this.#tables.get(tableOf(name))?.sets.get(name.set);
    if (!set) throw missing(elements.getSet(name).op);
    return set;
  }

  present(names: readonly (NftTableName | NftChainName)[]): boolean[] {
    return names.map((name) =>
      "chain" in name
        ? this.#tables.get(tableOf(name))?.chains.has(name.chain) === true
        : this.#tables.has(label(name)),
    );
  }

  /** Constants are never told: rules are not understood that far. */
  rules(name: NftChainName): NftRule[] {
    const chain = this.#tables.get(tableOf(name))?.chains.get(name.chain);
    if (!chain) throw missing(`look up chain "${tableOf(name)} ${name.chain}"`);
    return chain.rules.map(({ handle, text, mark }) => {
      const targets = references(text).chains;
      return { chain: name.chain, handle, comment: mark, targets, constants: [] };
    });
  }

  list(name: NftTableName): NftListing | undefined {
    const table = this.#tables.get(label(name));
    if (!table) return undefined;
    const { family } = name;
    const shapes = [...table.sets].map(([set, { key, data }]) => ({ name: set, key, data }));
    const chains = [...table.chains].map(([chain, { hook, rules }]) => ({
      name: chain,
      ...(hook && { hook }),
      rules: rules.map(({ text }) => text),
    }));
    return {
      table: {
        ...{ family, name: name.name, chains },
        sets: shapes.filter(({ data }) => !data).map((set) => ({ name: set.name, key: set.key })),
        maps: shapes.flatMap(({ data, ...set }) => (data ? [{ ...set, data }] : [])),
      },
      elements: [...table.sets.values()].flatMap((set) => [...set.elements.values()]),
    };
  }

  chains(name: NftTableName): NftChainState[] {
    const table = this.#tables.get(label(name));
    return [...(table?.chains ?? [])].map(([chain, { handle, hook, rules }]) => {
      const use = rules.length + leads(table!, chain);
      return { name: chain, handle, use, hook };
    });
  }
}

/** How many rules and elements lead to a chain. */
function leads(table: FakeTable, chain: string): number {
  const rules = [...table.chains.values()].flatMap(({ rules }) => rules);
  const data = [...table.sets.values()].flatMap((set) =>
    [...set.elements.values()].map((element) => element.data ?? {}),
  );
  return (
    rules.filter(({ text }) => references(text).chains.includes(chain)).length +
    data.filter((to) => Object.values(to).includes(chain)).length
  );
}

/** What the kernel would know of an element. */
function withoutOwner(element: NftElement): NftElement {
  const { family, table, set, key, data, comment } = structuredClone(element);
  const said = comment === undefined ? undefined : { comment };
  return { kind: "nft-element", family, table, set, key, ...(data && { data }), ...said };
}
