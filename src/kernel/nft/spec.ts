/**
 * From what a table should hold to nft's script. Each rule carries a mark in its comment: a hash
 * of the whole table's specification and the rule's place in its chain, by which a look at the
 * kernel tells our rules, complete and up to date, from missing, old or foreign ones.
 */
import type { NftChainSpec, NftHook, NftTableSpec, NftType } from "../../model/nft.ts";
import type { NftChain, NftChainState } from "./nft.ts";

/** What there is of a table, as far as a new version of it must know. */
export interface TableState {
  readonly chains: readonly NftChainState[];
  /** Names of sets and maps that exist with other types than the spec's. */
  readonly mistyped: readonly string[];
}

/** A chain and the rules it should hold, each with its mark. */
export interface MarkedChain {
  readonly name: string;
  readonly hook?: NftHook;
  readonly rules: readonly { readonly text: string; readonly mark: string }[];
  readonly kept?: true;
}

const typeText = (types: readonly NftType[] | "verdict") =>
  types === "verdict" ? types : types.join(" . ");

/** What packets hold of a type that nft has no name for, and of those beside it in a key. */
const expressions: Partial<Record<NftType, string>> = {
  ifname: "iifname",
  ether_addr: "ether saddr",
  nd_target: "@th,64,128",
};

function keyText(types: readonly NftType[]): string {
  if (!types.includes("nd_target")) return `type ${typeText(types)}`;
  return `typeof ${types.map((type) => expressions[type] ?? type).join(" . ")}`;
}

function hookText(hook: NftHook | undefined): string {
  if (!hook) return "";
  const { type, priority, policy = "accept" } = hook;
  const device = hook.device === undefined ? "" : ` device "${hook.device}"`;
  return ` { type ${type} hook ${hook.hook}${device} priority ${priority}; policy ${policy}; }`;
}

function marked(chain: NftChainSpec, specification: string): MarkedChain {
  // Quick and the same everywhere; it is no defence against somebody who forges comments.
  const hash = Bun.hash.xxHash64(specification).toString(16);
  const rules = chain.rules.map((text, i) => {
    if (/[\n\0]/.test(text)) throw new RangeError(`rule ${JSON.stringify(text)} is not one line`);
    return { text, mark: `netloom ${hash} ${i}` };
  });
  return { name: chain.name, hook: chain.hook, rules, ...(chain.kept && { kept: chain.kept }) };
}

/** The chains of a table. Any difference in the specification changes all marks. */
export function markedChains(table: NftTableSpec): MarkedChain[] {
  const specification = JSON.stringify(table);
  return table.chains.map((chain) => marked(chain, specification));
}

/** A chain outside the skeleton. */
export const markedChain = ({ chain, rules, kept }: NftChain): MarkedChain =>
  marked({ name: chain, rules, ...(kept && { kept }) }, JSON.stringify(rules));

const sameHook = (a: NftHook, b: NftHook) =>
  a.type === b.type && a.hook === b.hook && a.priority === b.priority && a.device === b.device;

/**
 * Chains that cannot stay: a base chain cannot change its hook, and one that is not listed would
 * still see packets.
 */
export function replacedChains(
  chains: readonly NftChainSpec[],
  existing: readonly NftChainState[],
): NftChainState[] {
  return existing.filter(({ name, hook }) => {
    const want = chains.find((chain) => chain.name === name);
    if (!want || !hook) return hook !== want?.hook;
    return want.hook === undefined || !sameHook(hook, want.hook);
  });
}

/** Commands that make a table what it should be, from any state, and keep its elements. */
export function tableScript(table: NftTableSpec, state: TableState): string[] {
  const at = `${table.family} ${table.name}`;
  const listed = new Set(table.chains.flatMap((chain) => (chain.kept ? [] : chain.name)));
  const doomed = replacedChains(table.chains, state.chains);
  const emptied = state.chains.filter((chain) => listed.has(chain.name) || doomed.includes(chain));
  return [
    `add table ${at}`,
    ...emptied.map((chain) => `flush chain ${at} ${chain.name}`),
    ...doomed.map((chain) => `delete chain ${at} ${chain.name}`),
    ...state.mistyped.map((name) => `delete set ${at} ${name}`),
    ...table.sets.map((set) => `add set ${at} ${set.name} { ${keyText(set.key)}; }`),
    ...table.maps.map((map) => {
      const types = `${typeText(map.key)} : ${typeText(map.data)}`;
      return `add map ${at} ${map.name} { type ${types}; }`;
    }),
    ...chainsScript(at, markedChains(table)),
  ];
}

/** Commands that make chains of an existing table what they should be. */
export function chainsScript(at: string, chains: readonly MarkedChain[]): string[] {
  return [
    ...chains.map((chain) => `add chain ${at} ${chain.name}${hookText(chain.hook)}`),
    // Also of chains that did not exist when we looked: another process may have filled them.
    ...chains.flatMap((chain) => (chain.kept ? [] : `flush chain ${at} ${chain.name}`)),
    ...chains.flatMap((chain) =>
      chain.rules.map(({ text, mark }) => `add rule ${at} ${chain.name} ${text} comment "${mark}"`),
    ),
  ];
}
