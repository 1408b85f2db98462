/** What a table should hold, as plain data, and the script that makes it so. */

export type NftFamily = "inet" | "bridge" | "netdev" | "ip" | "ip6";

/** nft's own names of the types that keys and data have here. */
export type NftType =
  | "ipv4_addr"
  | "ipv6_addr"
  | "ether_addr"
  | "ifname"
  | "inet_proto"
  | "inet_service"
  | "mark";

export interface NftSetSpec {
  readonly name: string;
  /** More than one: a concatenation. */
  readonly key: readonly NftType[];
}

export interface NftMapSpec extends NftSetSpec {
  readonly data: readonly NftType[] | "verdict";
}

/** What makes a chain a base chain. */
export interface NftHook {
  readonly type: "filter" | "nat" | "route";
  readonly hook:
    | "ingress"
    | "egress"
    | "prerouting"
    | "input"
    | "forward"
    | "output"
    | "postrouting";
  readonly priority: number;
  /** Absent: accept. */
  readonly policy?: "accept" | "drop";
  /** The link, in family netdev. */
  readonly device?: string;
}

export interface NftChainSpec {
  readonly name: string;
  readonly hook?: NftHook;
  /** Each as `nft` reads it, without `add rule …`. Constants and validated values only. */
  readonly rules: readonly string[];
}

/** One table of ours, whole. */
export interface NftTableSpec {
  readonly family: NftFamily;
  readonly name: string;
  readonly sets: readonly NftSetSpec[];
  readonly maps: readonly NftMapSpec[];
  readonly chains: readonly NftChainSpec[];
}

/** `inet netloom_cni`, as commands and messages name a table. */
export const tableLabel = (table: { family: string; name: string }) =>
  `${table.family} ${table.name}`;

/** The commands that add what is missing of a table but its rules. Repeating them is harmless. */
export function structureCommands(table: NftTableSpec): string[] {
  const at = tableLabel(table);
  const type = (types: readonly NftType[] | "verdict") =>
    types === "verdict" ? types : types.join(" . ");
  return [
    `add table ${at}`,
    ...table.sets.map((set) => `add set ${at} ${set.name} { type ${type(set.key)}; }`),
    ...table.maps.map(
      (map) => `add map ${at} ${map.name} { type ${type(map.key)} : ${type(map.data)}; }`,
    ),
    ...table.chains.map((chain) => `add chain ${at} ${chain.name}${hookText(chain.hook)}`),
  ];
}

/** The commands that add a table's rules, behind those that are there. */
export function ruleCommands(table: NftTableSpec): string[] {
  return table.chains.flatMap((chain) =>
    chain.rules.map((rule) => `add rule ${tableLabel(table)} ${chain.name} ${rule}`),
  );
}

function hookText(hook: NftHook | undefined): string {
  if (!hook) return "";
  const device = hook.device === undefined ? "" : ` device "${hook.device}"`;
  const policy = hook.policy ?? "accept";
  return ` { type ${hook.type} hook ${hook.hook}${device} priority ${hook.priority}; policy ${policy}; }`;
}
