/**
 * One element added to a map of ours, by libnftables and by our own messages, alone and beside a
 * table of somebody else with a large set of intervals. Root; a namespace of its own.
 * Usage: bun bench/nft-element.ts [rounds]
 */

import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../src/kernel/netns/netns.ts";
import { KernelNft } from "../src/kernel/nft/kernel-nft.ts";
import { Libnftables } from "../src/kernel/nft/libnftables.ts";
import type { NftTableSpec } from "../src/model/nft.ts";
import { median, quantile } from "./statistics.ts";

const rounds = Number(process.argv[2] ?? "60");
const intervals = 10_000;
const path = `${namedNetnsDir}/nlbench-nft-${process.pid}`;

const table: NftTableSpec = {
  family: "inet",
  name: "netloom_bench",
  sets: [],
  maps: [
    { name: "ports", key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
  ],
  chains: [],
};

/** Milliseconds that each of two ways takes to add one more element, in turns. */
interface Series {
  readonly library: number[];
  readonly own: number[];
}

function measure(nft: KernelNft, library: Libnftables): Series {
  const series: Series = { library: [], own: [] };
  const timed = (into: number[], work: () => void) => {
    const start = Bun.nanoseconds();
    work();
    into.push((Bun.nanoseconds() - start) / 1e6);
  };
  for (let port = 1; port <= rounds; port++) {
    timed(series.library, () =>
      library.run(`add element inet netloom_bench ports { tcp . ${port} : 10.0.0.2 . 80 }`),
    );
    const element = {
      kind: "nft-element",
      family: "inet",
      table: table.name,
      set: "ports",
      key: [{ proto: 17 }, { l4Port: port }],
      data: { values: [{ ipv4: "10.0.0.2" }, { l4Port: 80 }] },
    } as const;
    timed(series.own, () => nft.change([{ op: "add", element }]));
  }
  if (nft.elements({ family: "inet", table: table.name, set: "ports" }).length !== 2 * rounds) {
    throw new Error("the map does not hold what was added");
  }
  nft.change([{ op: "delete-table", family: "inet", name: table.name }]);
  nft.ensure([table]);
  return series;
}

/** Somebody else's block list. */
function foreignScript(): string {
  const list = Array.from({ length: intervals }, (_, i) => {
    const base = `10.${i >> 8}.${i & 255}`;
    return `${base}.16-${base}.99`;
  });
  return [
    "add table inet foreign",
    "add set inet foreign blocked { type ipv4_addr; flags interval; }",
    `add element inet foreign blocked { ${list.join(", ")} }`,
  ].join("\n");
}

function report(rows: readonly (readonly [string, Series])[]): void {
  const figure = (value: number, digits: number) => value.toFixed(digits).padStart(9);
  const cells = (series: readonly number[]) =>
    figure(median(series), 3) + figure(quantile(series, 0.99), 3);
  const titles = ["median", "p99", "median", "p99", "ratio"].map((title) => title.padStart(9));
  console.log(`One element added to a map, in milliseconds, ${rounds} times each way, in turns`);
  console.log(`${"".padEnd(30)}${"libnftables".padStart(18)}${"our messages".padStart(18)}`);
  console.log(`${"".padEnd(30)}${titles.join("")}`);
  for (const [name, { library, own }] of rows) {
    const ratio = figure(median(library) / median(own), 0);
    console.log(`${name.padEnd(30)}${cells(library)}${cells(own)}${ratio}`);
  }
}

createNetns(path);
try {
  using nft = new KernelNft(path);
  using library = inNetns(path, () => new Libnftables());
  nft.ensure([table]);
  measure(nft, library);
  const alone = measure(nft, library);
  library.run(foreignScript());
  const beside = measure(nft, library);
  report([
    ["alone in its namespace", alone],
    [`beside ${intervals.toLocaleString("en")} intervals`, beside],
  ]);
} finally {
  removeNetns(path);
}
