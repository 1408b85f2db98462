/** The fake and the kernel get the same random changes and must agree after each. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { createNetns, namedNetnsDir, removeNetns } from "../netns/netns.ts";
import { NftError } from "./error.ts";
import { examTable } from "./exam-table.ts";
import { FakeNft } from "./fake.ts";
import { KernelNft } from "./kernel-nft.ts";
import type { Nft, NftChange, NftElement } from "./nft.ts";

const netns = `${namedNetnsDir}/nlnft-twin`;
let kernel: KernelNft;

beforeAll(() => {
  createNetns(netns);
  kernel = new KernelNft(netns);
});
afterAll(() => {
  kernel[Symbol.dispose]();
  removeNetns(netns);
});

const at = { kind: "nft-element", family: "inet", table: "netloom_exam" } as const;
const few = fc.integer({ min: 1, max: 4 });
// Not "translate": its dnat is not valid where "ways" is used, which only the kernel knows.
const target = fc.constantFrom("target", "spare", "net_1", "none");
const chain = fc.oneof(target, fc.constant("translate"));
const port = fc.tuple(few, few).map(
  ([l4Port, last]): NftElement => ({
    ...{ ...at, set: "ports", key: [{ proto: 6 }, { l4Port }] },
    data: { values: [{ ipv4: `10.0.0.${last}` }, { l4Port: 80 }] },
    comment: `number ${last}`,
  }),
);
const way = fc
  .tuple(few, fc.oneof(target, fc.constantFrom("accept", "drop")))
  .map(([last, to]): NftElement => {
    const data = to === "accept" || to === "drop" ? { verdict: to } : ({ goto: to } as const);
    return { ...at, set: "ways", key: [{ ipv4: `10.0.0.${last}` }], data } as NftElement;
  });
const pair = few.map(
  (last): NftElement => ({
    ...at,
    set: "pairs",
    key: [{ ifname: "br0" }, { ifname: `nl${last}` }],
  }),
);
const stray = port.map((element) => ({ ...element, set: "none" }));
const element = fc.oneof(
  { weight: 5, arbitrary: port },
  { weight: 5, arbitrary: way },
  { weight: 3, arbitrary: pair },
  { weight: 1, arbitrary: stray },
);
const change: fc.Arbitrary<NftChange> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant("add" as const), element, exclusive: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("delete" as const), element }) },
  {
    weight: 2,
    arbitrary: chain.map((name) => ({ op: "delete-chain", ...at, chain: name }) as NftChange),
  },
);
const batch = fc.array(change, { minLength: 1, maxLength: 5 });
type Step = readonly NftChange[] | "ensure" | "chain" | "flush";
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: batch },
  { weight: 2, arbitrary: fc.constant("ensure" as const) },
  { weight: 3, arbitrary: fc.constant("chain" as const) },
  { weight: 1, arbitrary: fc.constant("flush" as const) },
);

/** What came of a step, in words that both must say alike. */
function outcome(nft: Nft, what: Step): string {
  try {
    if (what === "ensure") return String(nft.ensure([examTable]));
    if (what === "chain") {
      const own = { ...at, kind: "nft-chain", chain: "net_1", rules: ["masquerade"] } as const;
      return String(nft.ensureChains([own]));
    }
    if (what === "flush") nft.change([{ op: "delete-table", family: "inet", name: at.table }]);
    else nft.change(what);
    return "done";
  } catch (error) {
    if (!(error instanceof NftError)) throw error;
    return `${error.code} at ${error.index}`;
  }
}

/** Everything that can be seen, in an order of its own. */
function seen(nft: Nft): unknown {
  const elements = ["ports", "ways", "pairs"].map((set) => {
    try {
      const found = nft.elements({ ...at, set }).map((item) => JSON.stringify(item));
      return found.sort();
    } catch (error) {
      return (error as NftError).code;
    }
  });
  const chains = nft
    .chains({ family: "inet", name: at.table })
    .map(({ name, use, hook }) => JSON.stringify([name, use, hook?.priority]));
  return { intact: nft.intact([examTable]), elements, chains: chains.sort() };
}

test("after any changes the fake holds what the kernel holds, and refused what it refused", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const fake = new FakeNft();
      outcome(kernel, "flush");
      for (const nft of [kernel, fake]) nft.ensure([examTable]);
      for (const one of steps) {
        expect(outcome(fake, one)).toBe(outcome(kernel, one));
        expect(seen(fake)).toEqual(seen(kernel));
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
