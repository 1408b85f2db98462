/** A whole table in the model's words, from what libnftables lists: JSON, and text for rules. */
import { canonicalIp } from "../../lib/ip.ts";
import type { NftData, NftValue } from "../../model/kernel-object.ts";
import type { NftChainSpec, NftHook, NftMapSpec, NftSetSpec, NftType } from "../../model/nft.ts";
import { NftError } from "./error.ts";
import type { NftJson } from "./libnftables.ts";
import type { NftElement, NftListing, NftTableName } from "./nft.ts";

/** How a value of each type stands in JSON, and its field in the model. */
const readers: Readonly<Record<NftType, (json: unknown) => NftValue | undefined>> = {
  ipv4_addr: (json) => text(json, (ipv4) => ({ ipv4: canonicalIp(ipv4) })),
  ipv6_addr: (json) => text(json, (ipv6) => ({ ipv6: canonicalIp(ipv6) })),
  // JSON has it as a number, which holds no 128 bits.
  nd_target: () => undefined,
  ether_addr: (json) => text(json, (mac) => ({ mac: mac.toLowerCase() })),
  ifname: (json) => text(json, (ifname) => ({ ifname })),
  inet_proto: (json) => number(protocols[String(json)] ?? json, (proto) => ({ proto })),
  inet_service: (json) => number(json, (l4Port) => ({ l4Port })),
  mark: (json) => number(json, (mark) => ({ mark })),
};

/** Named even where numbers are asked for, inside concatenations (1.0.6). */
const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  sctp: 132,
  udplite: 136,
};

const text = (json: unknown, make: (text: string) => NftValue) =>
  typeof json === "string" ? make(json) : undefined;
const number = (json: unknown, make: (number: number) => NftValue) =>
  typeof json === "number" ? make(json) : undefined;

function foreign(name: NftTableName, what: unknown): NftError {
  const op = `list table "${name.family} ${name.name}"`;
  const reason = `it holds what has no name here: ${JSON.stringify(what)}`;
  return new NftError(op, reason, { code: "EBADMSG" });
}

/** What is known of a table. */
export interface Listed {
  readonly name: NftTableName;
  /** Of `list table`, as JSON and as text with handles. */
  readonly json: readonly NftJson[];
  readonly printed: string;
  /** By our own messages: the JSON forgets the link of a chain in family netdev (1.0.6). */
  readonly hooks: ReadonlyMap<string, NftHook | undefined>;
}

/**
 * A table in the model's words. Throws NftError with code `EBADMSG` for what others keep in their
 * tables: intervals, other types, objects.
 */
export function readListing({ name, json, printed, hooks }: Listed): NftListing {
  const entries = (kind: string) => json.flatMap((entry) => (kind in entry ? [entry[kind]] : []));
  const types = (given: unknown): NftType[] => {
    const names = Array.isArray(given) ? given : String(given).split(" . ");
    if (!names.every((type) => type in readers)) throw foreign(name, given);
    return names as NftType[];
  };
  const elements: NftElement[] = [];
  const read = (entry: NftJson): NftMapSpec | NftSetSpec => {
    if (entry.flags) throw foreign(name, entry.flags);
    const key = types(entry.type);
    const data = entry.map === undefined || entry.map === "verdict" ? entry.map : types(entry.map);
    for (const item of entry.elem ?? [])
      elements.push(readElement(name, item, entry.name, { key, data }));
    return data === undefined ? { name: entry.name, key } : { name: entry.name, key, data };
  };
  const sets = entries("set").map(read);
  const maps = entries("map").map(read) as NftMapSpec[];
  const rules = rulesByHandle(printed);
  const chains = entries("chain").map((chain): NftChainSpec => {
    const own = entries("rule").filter((rule) => rule.chain === chain.name);
    const hook = hooks.get(chain.name);
    return {
      name: chain.name,
      ...(hook && { hook }),
      rules: own.map((rule) => rules.get(rule.handle) ?? ""),
    };
  });
  return { table: { ...name, sets, maps, chains }, elements };
}

interface Shape {
  readonly key: readonly NftType[];
  readonly data: readonly NftType[] | "verdict" | undefined;
}

function readElement(name: NftTableName, item: any, set: string, shape: Shape): NftElement {
  const [left, right] = shape.data === undefined ? [item, undefined] : item;
  const { val = left, comment } = left?.elem ?? {};
  const values = (json: any, types: readonly NftType[]): NftValue[] => {
    // A text has a method of that name too.
    const parts: unknown[] = typeof json === "object" && json?.concat ? json.concat : [json];
    return parts.map((part, i) => {
      const type = types[i];
      const value = type && parts.length === types.length ? readers[type](part) : undefined;
      if (!value) throw foreign(name, part);
      return value;
    });
  };
  const data = (): NftData => {
    if (shape.data !== "verdict") return { values: values(right, shape.data!) };
    if ("accept" in right) return { verdict: "accept" };
    if ("drop" in right) return { verdict: "drop" };
    if (right.goto) return { goto: right.goto.target };
    if (right.jump) return { jump: right.jump.target };
    throw foreign(name, right);
  };
  const family = name.family as NftElement["family"];
  const place = { kind: "nft-element", family, table: name.name, set } as const;
  const key = values(val, shape.key);
  const said = comment === undefined ? undefined : { comment: String(comment) };
  return { ...place, key, ...(shape.data && { data: data() }), ...said };
}

/** Each rule's text, without our mark. A long anonymous set makes one go over several lines. */
function rulesByHandle(printed: string): Map<number, string> {
  const rules = new Map<number, string>();
  let inChain = false;
  let begun = "";
  for (const line of printed.split("\n")) {
    if (/^\tchain /.test(line)) inChain = true;
    else if (line === "\t}") inChain = false;
    else if (inChain && !/^\t\ttype \S+ hook /.test(line)) {
      begun = `${begun} ${line.trim()}`.trim();
      const whole = /^(.*?)(?: comment "netloom [^"]*")? # handle (\d+)$/.exec(begun);
      if (!whole) continue;
      rules.set(Number(whole[2]), whole[1]!);
      begun = "";
    }
  }
  return rules;
}
