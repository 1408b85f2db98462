/** The kernel's nftables sits the exam; `nft` itself judges what it left. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { NftFamily, NftHook, NftTableSpec } from "../../model/nft.ts";
import { createNetns, inNetns, namedNetnsDir, removeNetns } from "../netns/netns.ts";
import { refusal, sitExam } from "./exam.ts";
import { examTable } from "./exam-table.ts";
import { KernelNft } from "./kernel-nft.ts";
import type { NftChange, NftElement } from "./nft.ts";

const netns = `${namedNetnsDir}/nlnft-exam`;
let nft: KernelNft;

/** What nft itself shows in the namespace. Throws when it fails. */
function run(...args: string[]): string {
  const result = Bun.spawnSync(["nsenter", `--net=${netns}`, "nft", ...args]);
  if (!result.success) throw new Error(result.stderr.toString());
  return result.stdout.toString();
}

/** The entries of one kind in nft's JSON of a table. */
function json(kind: string, table = "netloom_exam"): Record<string, any>[] {
  const { nftables } = JSON.parse(run("-j", "-n", "list", "table", "inet", table));
  return nftables.filter((entry: object) => kind in entry).map((entry: any) => entry[kind]);
}

beforeAll(() => {
  createNetns(netns);
  nft = new KernelNft(netns);
});
afterAll(() => {
  nft[Symbol.dispose]();
  removeNetns(netns);
});

const fresh = () => {
  run("flush", "ruleset");
  return nft;
};
const at = { kind: "nft-element", family: "inet", table: "netloom_exam" } as const;
const port = (number: number): NftElement => ({
  ...at,
  set: "ports",
  key: [{ proto: 1 + (number >> 16) }, { l4Port: number & 0xffff }],
  data: { values: [{ ipv4: "10.0.0.2" }, { l4Port: 80 }] },
});
const adds = (elements: readonly NftElement[]): NftChange[] =>
  elements.map((element) => ({ op: "add", element, exclusive: true }));

describe("the kernel's nftables", () => sitExam(fresh));

test("the socket and the library work in the namespace that was named, from anywhere", () => {
  fresh().ensure([examTable]);
  using there = inNetns(netns, () => new KernelNft());
  expect(there.intact([examTable])).toBe(true);
  using here = new KernelNft();
  expect(here.present([examTable])).toEqual([false]);
});

test("nft shows elements that we added as it shows its own, with their comments", () => {
  fresh().ensure([examTable]);
  run(
    "add",
    "element",
    "inet",
    "netloom_exam",
    "ports",
    '{ udp . 53 comment "nft" : 10.0.0.3 . 53 }',
  );
  nft.change(
    adds([
      { ...port(0), key: [{ proto: 6 }, { l4Port: 8080 }], comment: "netloom:cni:0123" },
      { ...at, set: "ways", key: [{ ipv4: "10.0.0.4" }], data: { goto: "target" }, comment: "é" },
      { ...at, set: "pairs", key: [{ ifname: "br0" }, { ifname: "nl0" }] },
    ]),
  );
  const maps = json("map");
  const elements = (name: string) => maps.find((map) => map.name === name)?.elem;
  expect(elements("ports")).toBeArrayOfSize(2);
  expect(elements("ports")).toContainEqual([
    { elem: { val: { concat: [6, 8080] }, comment: "netloom:cni:0123" } },
    { concat: ["10.0.0.2", 80] },
  ]);
  expect(elements("ways")).toEqual([
    [{ elem: { val: "10.0.0.4", comment: "é" } }, { goto: { target: "target" } }],
  ]);
  expect(json("set")[0]?.elem).toEqual([{ concat: ["br0", "nl0"] }]);
  expect(nft.element({ ...at, set: "ports", key: [{ proto: 17 }, { l4Port: 53 }] })).toEqual({
    ...at,
    set: "ports",
    key: [{ proto: 17 }, { l4Port: 53 }],
    data: { values: [{ ipv4: "10.0.0.3" }, { l4Port: 53 }] },
    comment: "nft",
  });
});

test("nft shows the table that was ensured: types, hooks and one copy of each rule", () => {
  fresh().ensure([examTable]);
  nft.change([
    {
      op: "delete-rule",
      ...at,
      chain: "leaving",
      handle: nft.rules({ ...at, chain: "leaving" })[0]!.handle,
    },
  ]);
  nft.ensure([examTable]);
  expect(json("map").map(({ name, type, map }) => [name, type, map])).toEqual([
    ["ways", "ipv4_addr", "verdict"],
    ["ports", ["inet_proto", "inet_service"], "ipv4_addr . inet_service"],
  ]);
  expect(json("chain").map(({ name, type, hook, prio }) => [name, type, hook, prio])).toEqual([
    ["target", undefined, undefined, undefined],
    ["translate", undefined, undefined, undefined],
    ["incoming", "nat", "prerouting", -110],
    ["leaving", "nat", "postrouting", 90],
    ["spare", undefined, undefined, undefined],
  ]);
  const count = (chain: string) => json("rule").filter((rule) => rule.chain === chain).length;
  expect(["target", "translate", "incoming", "leaving", "spare"].map(count)).toEqual([
    2, 1, 1, 2, 0,
  ]);
});

test("ten thousand elements go in one transaction, and one conflict among them undoes it", () => {
  fresh().ensure([examTable]);
  const all = Array.from({ length: 10_000 }, (_, i) => port(i));
  nft.change(adds([all[7777]!]));
  const error = refusal(() => nft.change(adds(all)));
  expect([error.code, error.index]).toEqual(["EEXIST", 7777]);
  expect(nft.elements({ ...at, set: "ports" })).toHaveLength(1);
  nft.change([{ op: "delete", element: all[7777]! }, ...adds(all)]);
  expect(nft.elements({ ...at, set: "ports" })).toHaveLength(10_000);
  expect(refusal(() => nft.change(adds(all))).code).toBe("EEXIST");
  nft.change(all.map((element) => ({ op: "delete", element })));
  nft.change(all.map((element) => ({ op: "delete", element })));
  expect(nft.elements({ ...at, set: "ports" })).toEqual([]);
});

test("a set of others that holds what we have no types for is refused, not misread", () => {
  fresh();
  run("add table inet other; add set inet other a { type ipv4_addr; flags interval; }");
  run("add set inet other b { type icmp_type; }; add element inet other b { echo-request }");
  for (const set of ["a", "b"]) {
    const error = refusal(() => nft.elements({ family: "inet", table: "other", set }));
    expect(error.code).toBe("EBADMSG");
  }
});

test("targets and constants of foreign rules are told, so that a container's can be found", () => {
  fresh();
  run(
    "add table ip nat; add chain ip nat POST; add chain ip nat CNI-1; " +
      'add rule ip nat POST ip saddr 10.5.0.2 counter jump CNI-1 comment "name: x"',
  );
  expect(nft.rules({ family: "ip", table: "nat", chain: "POST" })).toEqual([
    {
      chain: "POST",
      handle: 3,
      comment: "name: x",
      targets: ["CNI-1"],
      constants: [Uint8Array.of(10, 5, 0, 2)],
    },
  ]);
  const chain = { family: "ip", table: "nat", chain: "CNI-1" } as const;
  expect(refusal(() => nft.change([{ op: "delete-chain", ...chain }])).code).toBe("EBUSY");
  nft.change([
    { op: "delete-rule", ...chain, chain: "POST", handle: 3 },
    { op: "delete-chain", ...chain },
  ]);
  expect(run("list", "table", "ip", "nat")).toBe("table ip nat {\n\tchain POST {\n\t}\n}\n");
});

test("processes that ensure the same tables at once leave one copy of each rule", async () => {
  fresh();
  const script = `
    import { KernelNft } from "${import.meta.dir}/kernel-nft.ts";
    import { examTable } from "${import.meta.dir}/exam-table.ts";
    const nft = new KernelNft(process.argv[1]);
    for (let i = 0; i < 5; i++) {
      nft.ensure([examTable]);
      const element = { kind: "nft-element", family: "inet", table: "netloom_exam", set: "ways",
        key: [{ ipv4: "10.0." + process.argv[2] + "." + i }], data: { goto: "target" } };
      nft.change([{ op: "add", element, exclusive: true }]);
    }`;
  const children = Array.from({ length: 6 }, (_, i) =>
    Bun.spawn([process.execPath, "-e", script, netns, String(i)], { stderr: "pipe" }),
  );
  const texts = await Promise.all(children.map((child) => new Response(child.stderr).text()));
  expect(texts.join("")).toBe("");
  expect(nft.intact([examTable])).toBe(true);
  expect(json("rule")).toHaveLength(6);
  expect(nft.elements({ ...at, set: "ways" })).toHaveLength(30);
});

test("without the right to administer the network every change is refused with EPERM", () => {
  fresh().ensure([examTable]);
  const script = `
    import { KernelNft } from "${import.meta.dir}/kernel-nft.ts";
    const nft = new KernelNft();
    try { nft.change([{ op: "delete-table", family: "inet", name: "netloom_exam" }]); }
    catch (error) { console.log(error.code); }`;
  const drop = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
  const command = [...drop, process.execPath, "-e", script];
  const result = Bun.spawnSync(["nsenter", `--net=${netns}`, ...command]);
  expect(result.stdout.toString()).toBe("EPERM\n");
  expect(nft.present([examTable])).toEqual([true]);
});

test("opening and closing leaves no descriptor behind", () => {
  const count = () => readdirSync("/proc/self/fd").length;
  const use = () => {
    using each = new KernelNft(netns);
    each.ensure([examTable]);
    each.list({ family: "inet", name: "netloom_exam" });
    expect(refusal(() => each.check([{ ...examTable, chains: [] }, broken])).code).toBe("ENOENT");
  };
  const broken = { ...examTable, chains: [{ name: "c", rules: ["jump nowhere"] }] };
  use();
  const before = count();
  for (let i = 0; i < 20; i++) use();
  expect(count()).toBeLessThanOrEqual(before);
});

test("base chains of every family and type are installed as they are read back", () => {
  fresh();
  const link = ["ip", "link", "add", "nd0", "type", "veth", "peer", "name", "nd1"];
  expect(Bun.spawnSync(["nsenter", `--net=${netns}`, ...link]).success).toBe(true);
  const tables: NftTableSpec[] = [
    ["bridge", { type: "filter", hook: "prerouting", priority: -300, policy: "drop" }],
    ["netdev", { type: "filter", hook: "ingress", priority: 7, policy: "accept", device: "nd0" }],
    ["ip", { type: "route", hook: "output", priority: -150, policy: "accept" }],
    ["ip6", { type: "nat", hook: "input", priority: 100, policy: "accept" }],
    ["inet", { type: "filter", hook: "forward", priority: 0, policy: "drop" }],
  ].map(([family, hook]) => ({
    family: family as NftFamily,
    name: "hooked",
    sets: [{ name: "s", key: ["ifname"] }],
    maps: [],
    chains: [{ name: "base", hook: hook as NftHook, rules: ["iifname @s accept"] }],
  }));
  expect(nft.ensure(tables)).toBe(true);
  expect(nft.ensure(tables)).toBe(false);
  for (const table of tables) {
    expect(nft.chains(table).map(({ hook }) => hook)).toEqual([table.chains[0]!.hook]);
    expect(nft.list(table)?.table).toEqual(table);
    const tighter = { ...table.chains[0]!, hook: { ...table.chains[0]!.hook!, priority: 20 } };
    expect(nft.ensure([{ ...table, chains: [tighter] }])).toBe(true);
    expect(nft.chains(table)[0]?.hook?.priority).toBe(20);
  }
});
