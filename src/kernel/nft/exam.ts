/** What every implementation of `Nft` must do: the kernel's and the fake sit it alike. */
import { expect, test } from "bun:test";
import type { NftTableSpec } from "../../model/nft.ts";
import { NftError } from "./error.ts";
import { examTable } from "./exam-table.ts";
import type { Nft, NftChange, NftElement } from "./nft.ts";

const table = { family: "inet", name: "netloom_exam" } as const;
const at = { family: "inet", table: "netloom_exam" } as const;

/** The same with one rule changed, one chain more and one hook moved. */
const nextVersion: NftTableSpec = {
  ...examTable,
  chains: [
    ...examTable.chains.slice(0, 3),
    {
      name: "leaving",
      hook: { type: "nat", hook: "postrouting", priority: 95 },
      rules: ["ip saddr vmap @ways"],
    },
    { name: "fresh", rules: ["counter"] },
  ],
};

const port = (number: number, target = "10.0.0.2", comment?: string): NftElement => ({
  kind: "nft-element",
  ...at,
  set: "ports",
  key: [{ proto: 6 }, { l4Port: number }],
  data: { values: [{ ipv4: target }, { l4Port: 80 }] },
  ...(comment === undefined ? undefined : { comment }),
});
const way = (address: string, data: NftElement["data"]): NftElement => ({
  kind: "nft-element",
  ...at,
  set: "ways",
  key: [{ ipv4: address }],
  data,
});
const pair: NftElement = {
  kind: "nft-element",
  ...at,
  set: "pairs",
  key: [{ ifname: "br0" }, { ifname: "nl0123456789abc" }],
  comment: "netloom:cni:0123456789abcdef",
};
const add = (element: NftElement, exclusive = false): NftChange => ({
  op: "add",
  element,
  exclusive,
});
const remove = (element: NftElement): NftChange => ({ op: "delete", element });

const sorted = (elements: readonly NftElement[]) =>
  [...elements].sort((a, b) => JSON.stringify(a.key).localeCompare(JSON.stringify(b.key)));

/** The error of refused work, as an NftError. */
export function refusal(work: () => unknown): NftError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(NftError);
    return error as NftError;
  }
  throw new Error("nothing was refused");
}

function installed(fresh: () => Nft): Nft {
  const nft = fresh();
  nft.ensure([examTable]);
  return nft;
}

const cases: readonly (readonly [string, (fresh: () => Nft) => void])[] = [
  [
    "a table is absent until it is ensured, then intact, and ensuring again changes nothing",
    (fresh) => {
      const nft = fresh();
      expect(nft.present([table])).toEqual([false]);
      expect(nft.intact([examTable])).toBe(false);
      expect(nft.chains(table)).toEqual([]);
      expect(nft.ensure([examTable])).toBe(true);
      expect(nft.present([table, { ...at, chain: "target" }, { ...at, chain: "no" }])).toEqual([
        true,
        true,
        false,
      ]);
      expect(nft.intact([examTable])).toBe(true);
      expect(nft.ensure([examTable])).toBe(false);
    },
  ],

  [
    "check-only accepts what ensure would and changes nothing",
    (fresh) => {
      const nft = fresh();
      nft.check([examTable]);
      expect(nft.present([table])).toEqual([false]);
    },
  ],

  [
    "a table with one impossible rule is refused whole, by check and by ensure",
    (fresh) => {
      const nft = fresh();
      const chains = [...examTable.chains, { name: "bad", rules: ["jump nowhere"] }];
      expect(refusal(() => nft.check([{ ...examTable, chains }])).code).toBe("ENOENT");
      expect(refusal(() => nft.ensure([{ ...examTable, chains }])).code).toBe("ENOENT");
      expect(nft.present([table])).toEqual([false]);
    },
  ],

  [
    "a new version of a table replaces rules and hooks and keeps the elements",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(port(80)), add(way("10.0.0.9", { goto: "target" })), add(pair)]);
      expect(nft.intact([nextVersion])).toBe(false);
      expect(nft.ensure([nextVersion])).toBe(true);
      expect(nft.intact([nextVersion])).toBe(true);
      expect(nft.elements({ ...at, set: "ports" })).toEqual([port(80)]);
      expect(nft.elements({ ...at, set: "ways" })).toEqual([way("10.0.0.9", { goto: "target" })]);
      const leaving = nft.chains(table).find((chain) => chain.name === "leaving");
      expect(leaving?.hook).toEqual({
        type: "nat",
        hook: "postrouting",
        priority: 95,
        policy: "accept",
      });
    },
  ],

  [
    "a set whose type changes starts empty, the others keep their elements",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(port(80)), add(pair)]);
      const sets = [{ name: "pairs", key: ["ifname"] as const }];
      const chains = examTable.chains.filter((chain) => chain.name !== "leaving");
      nft.ensure([{ ...examTable, sets, chains }]);
      expect(nft.elements({ ...at, set: "pairs" })).toEqual([]);
      expect(nft.elements({ ...at, set: "ports" })).toEqual([port(80)]);
    },
  ],

  [
    "base chains that a table no longer lists go, regular chains stay",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(way("10.0.0.9", { goto: "spare" }))]);
      nft.ensure([{ ...examTable, chains: examTable.chains.slice(0, 3) }]);
      expect(
        nft
          .chains(table)
          .map((chain) => chain.name)
          .sort(),
      ).toEqual(["incoming", "spare", "target", "translate"]);
    },
  ],

  [
    "a chain that somebody else fills is made, and keeps his rules through every repair",
    (fresh) => {
      const nft = installed(fresh);
      const kept = { name: "his", rules: [], kept: true } as const;
      const chains = [...examTable.chains, kept, { name: "to_his", rules: ["jump his"] }];
      const spec = { ...examTable, chains };
      const single = { kind: "nft-chain", ...at, chain: "own", rules: [], kept: true } as const;
      expect(nft.intactChains([single])).toBe(false);
      nft.ensure([spec]);
      expect(nft.ensureChains([single])).toBe(true);
      expect(nft.ensureChains([single])).toBe(false);
      // Filled as another hand would: by a specification that does not keep it.
      for (const chain of ["his", "own"]) {
        nft.ensureChains([{ kind: "nft-chain", ...at, chain, rules: ["counter"] }]);
      }
      expect(nft.intact([spec])).toBe(true);
      expect(nft.intactChains([single])).toBe(true);
      expect(nft.ensureChains([single])).toBe(false);
      nft.ensure([{ ...spec, sets: [...spec.sets, { name: "more", key: ["ifname"] }] }]);
      for (const chain of ["his", "own"]) expect(nft.rules({ ...at, chain })).toHaveLength(1);
    },
  ],
  [
    "a chain of a network comes and goes by itself, refused while an element leads to it",
    (fresh) => {
      const nft = installed(fresh);
      const chain = {
        kind: "nft-chain",
        ...at,
        chain: "net_10.0.0.0/24",
        rules: ["masquerade"],
      } as const;
      expect(nft.intactChains([chain])).toBe(false);
      expect(nft.ensureChains([chain])).toBe(true);
      expect(nft.ensureChains([chain])).toBe(false);
      expect(nft.intact([examTable])).toBe(true);
      const element = way("10.0.0.4", { jump: chain.chain });
      nft.change([add(element)]);
      const busy = refusal(() => nft.change([{ op: "delete-chain", ...at, chain: chain.chain }]));
      expect([busy.code, busy.index]).toEqual(["EBUSY", 0]);
      nft.change([remove(element), { op: "delete-chain", ...at, chain: chain.chain }]);
      expect(nft.present([{ ...at, chain: chain.chain }])).toEqual([false]);
      expect(nft.ensureChains([chain, { ...chain, rules: ["counter"] }])).toBe(true);
      expect(nft.intactChains([{ ...chain, rules: ["counter"] }])).toBe(true);
    },
  ],

  [
    "elements of every kind of data come back as they were given, with their comments",
    (fresh) => {
      const nft = installed(fresh);
      const ways = [
        way("10.0.0.1", { goto: "target" }),
        way("10.0.0.2", { jump: "target" }),
        way("10.0.0.3", { verdict: "accept" }),
        { ...way("10.0.0.4", { verdict: "drop" }), comment: "é".repeat(64) },
      ];
      nft.change([...ways, pair, port(8080, "10.0.0.7", "with words")].map((item) => add(item)));
      expect(sorted(nft.elements({ ...at, set: "ways" }))).toEqual(ways);
      expect(nft.elements({ ...at, set: "pairs" })).toEqual([pair]);
      expect(nft.element(port(8080))).toEqual(port(8080, "10.0.0.7", "with words"));
      expect(nft.element(port(8081))).toBeUndefined();
    },
  ],

  [
    "whose an element is stays with the caller: the kernel has no place for it",
    (fresh) => {
      const nft = installed(fresh);
      const owner = { netns: "host", scope: "att:0123456789abcdef", life: "exclusive" };
      nft.change([add({ ...port(80), ...owner } as NftElement)]);
      expect(nft.elements({ ...at, set: "ports" })).toStrictEqual([port(80)]);
    },
  ],
  [
    "many elements are found in one go, what is missing is undefined",
    (fresh) => {
      const empty = fresh();
      expect(empty.find([port(80), pair])).toEqual([undefined, undefined]);
      const nft = installed(() => empty);
      nft.change([add(port(80)), add(pair)]);
      const none = { ...port(80), set: "none" };
      expect(nft.find([port(81), pair, none, port(80)])).toEqual([
        undefined,
        pair,
        undefined,
        port(80),
      ]);
      expect(nft.find([])).toEqual([]);
    },
  ],
  [
    "a whole table is listed in the words in which it was given",
    (fresh) => {
      const nft = installed(fresh);
      const held = [
        way("10.0.0.1", { goto: "target" }),
        way("10.0.0.2", { jump: "target" }),
        way("10.0.0.3", { verdict: "accept" }),
        way("10.0.0.4", { verdict: "drop" }),
        port(80, "10.0.0.2", "two words"),
        { ...pair, comment: "netloom:cni:0123456789abcdef" },
      ];
      nft.change(held.map((element) => add(element)));
      const listing = nft.list(table)!;
      const chains = examTable.chains.map((chain) =>
        chain.hook ? { ...chain, hook: { policy: "accept", ...chain.hook } } : chain,
      );
      expect(listing.table as object).toEqual({ ...examTable, chains });
      expect(sorted(listing.elements)).toEqual(sorted(held));
      expect(nft.list({ ...table, name: "none" })).toBeUndefined();
    },
  ],
  [
    "adding the same element again is fine, with other data it is refused",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(port(80))]);
      nft.change([add(port(80))]);
      expect(refusal(() => nft.change([add(port(80, "10.0.0.3"))])).code).toBe("EEXIST");
      expect(nft.elements({ ...at, set: "ports" })).toEqual([port(80)]);
    },
  ],

  [
    "an exclusive add is refused where the key exists, names it, and undoes the whole batch",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(port(80, "10.0.0.2", "holder"))]);
      const batch = [add(port(79), true), add(port(80), true), add(port(81), true)];
      const error = refusal(() => nft.change(batch));
      expect([error.code, error.index]).toEqual(["EEXIST", 1]);
      expect(error.message).toBe(
        'Cannot add element "tcp . 80" of "inet netloom_exam ports" leading to "10.0.0.2 . 80": EEXIST',
      );
      expect(nft.elements({ ...at, set: "ports" })).toEqual([port(80, "10.0.0.2", "holder")]);
    },
  ],

  [
    "deleting what is not there is success and spoils nothing else in the batch",
    (fresh) => {
      const nft = installed(fresh);
      nft.change([add(port(80)), add(port(81))]);
      nft.change([remove(port(79)), remove(port(80)), remove(port(78)), add(port(82))]);
      expect(sorted(nft.elements({ ...at, set: "ports" }))).toEqual([port(81), port(82)]);
      nft.change([remove(port(81)), add(port(81, "10.0.0.5"), true)]);
      expect(nft.element(port(81))).toEqual(port(81, "10.0.0.5"));
      nft.change([]);
    },
  ],

  [
    "without its table, set or chain an element is refused with ENOENT, but deleted gladly",
    (fresh) => {
      const nft = fresh();
      expect(refusal(() => nft.change([add(port(80))])).code).toBe("ENOENT");
      expect(refusal(() => nft.elements({ ...at, set: "ports" })).code).toBe("ENOENT");
      expect(refusal(() => nft.element(port(80))).code).toBe("ENOENT");
      expect(refusal(() => nft.rules({ ...at, chain: "target" })).code).toBe("ENOENT");
      const chain = { kind: "nft-chain", ...at, chain: "c", rules: ["counter"] } as const;
      expect(refusal(() => nft.ensureChains([chain])).code).toBe("ENOENT");
      nft.change([remove(port(80)), { op: "delete-table", ...table }]);
      nft.change([{ op: "delete-chain", ...at, chain: "x" }]);
      nft.ensure([examTable]);
      expect(refusal(() => nft.change([add({ ...port(80), set: "none" })])).code).toBe("ENOENT");
      expect(refusal(() => nft.change([add(way("10.0.0.1", { goto: "none" }))])).code).toBe(
        "ENOENT",
      );
    },
  ],

  [
    "a value that does not fit its type is refused before anything is sent",
    (fresh) => {
      const nft = installed(fresh);
      const bad: NftElement["key"][] = [
        [{ proto: 6 }, { l4Port: 65536 }],
        [{ proto: 6 }, { l4Port: 1.5 }],
        [{ proto: -1 }, { l4Port: 1 }],
      ];
      for (const key of bad) {
        expect(() => nft.change([add(port(1)), add({ ...port(2), key })])).toThrow(RangeError);
      }
      expect(() => nft.change([add({ ...port(1), comment: "x".repeat(129) })])).toThrow(RangeError);
      expect(nft.elements({ ...at, set: "ports" })).toEqual([]);
    },
  ],

  [
    "rules and chains are deleted by handle and name, which shows as a broken table",
    (fresh) => {
      const nft = installed(fresh);
      const [first, second] = nft.rules({ ...at, chain: "target" });
      expect([first?.chain, second?.chain]).toEqual(["target", "target"]);
      nft.change([{ op: "delete-rule", ...at, chain: "target", handle: first!.handle }]);
      expect(nft.rules({ ...at, chain: "target" })).toEqual([second!]);
      expect(nft.intact([examTable])).toBe(false);
      nft.change([{ op: "delete-rule", ...at, chain: "target", handle: first!.handle }]);
      expect(nft.ensure([examTable])).toBe(true);
      expect(nft.rules({ ...at, chain: "target" })).toHaveLength(2);
      nft.change([{ op: "delete-chain", ...at, chain: "spare" }]);
      expect(nft.intact([examTable])).toBe(false);
      expect(nft.ensure([examTable])).toBe(true);
    },
  ],

  [
    "tables of others stay as they are, whatever happens to ours",
    (fresh) => {
      const nft = installed(fresh);
      const other: NftTableSpec = { ...examTable, name: "someone_else" };
      nft.ensure([other]);
      nft.change([add({ ...port(80), table: other.name })]);
      nft.ensure([nextVersion]);
      nft.change([{ op: "delete-table", ...table }]);
      expect(nft.present([table, other])).toEqual([false, true]);
      expect(nft.intact([other])).toBe(true);
      expect(nft.elements({ family: "inet", table: other.name, set: "ports" })).toHaveLength(1);
    },
  ],
];

/** Registers the cases. `fresh` gives an empty nftables; whoever registers clears it away. */
export function sitExam(fresh: () => Nft): void {
  for (const [name, work] of cases) test(name, () => work(fresh));
}
