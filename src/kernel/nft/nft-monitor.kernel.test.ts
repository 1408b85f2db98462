/** Watching a namespace in which `nft` changes things. */
import { expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { type NftEvent, NftMonitor } from "./nft-monitor.ts";

/** Events up to the first that `last` accepts. */
async function until(monitor: NftMonitor, last: (event: NftEvent) => boolean): Promise<NftEvent[]> {
  const events: NftEvent[] = [];
  const timer = setTimeout(() => monitor[Symbol.dispose](), 20_000);
  for await (const event of monitor) {
    events.push(event);
    if (last(event)) break;
  }
  clearTimeout(timer);
  return events;
}

const script = [
  "add table inet t",
  "add map inet t m { type inet_proto . inet_service : ipv4_addr . inet_service; }",
  "add chain inet t c",
  "add rule inet t c drop",
  'add element inet t m { tcp . 80 comment "netloom:cni:1" : 10.0.0.1 . 1 }',
  "delete element inet t m { tcp . 80 }",
  "flush chain inet t c",
  "delete table inet t",
];

test("every change of tables, chains, rules, sets and elements is told", async () => {
  using netns = new ScratchNetns("nftmon");
  using monitor = new NftMonitor(netns.path);
  for (const line of script) netns.run("nft", line);
  const events = await until(
    monitor,
    ({ kind, ...e }) => kind === "table" && "gone" in e && e.gone,
  );
  const place = { family: "inet", table: "t" } as const;
  const element = { kind: "element", ...place, set: "m", comments: ["netloom:cni:1"] };
  const some = (wanted: object) => expect(events).toContainEqual(wanted as NftEvent);
  for (const kind of ["table", "chain", "rule", "set"]) some({ kind, ...place, gone: false });
  some({ ...element, gone: false });
  some({ ...element, gone: true });
  some({ kind: "rule", ...place, gone: true });
  expect(events.at(-1)).toEqual({ kind: "table", ...place, gone: true });
});

test("what is lost because nobody listened leads to a resync", async () => {
  using netns = new ScratchNetns("nftmon");
  using monitor = new NftMonitor(netns.path, 4096);
  netns.run("nft", "add table inet t; add set inet t s { type ipv4_addr; }");
  const many = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  for (let i = 0; i < 10; i++) netns.run("nft", `add element inet t s { ${many.join(", ")} }`);
  const lost = await until(monitor, ({ kind }) => kind === "resync");
  expect(lost.at(-1)).toEqual({ kind: "resync" });
});
