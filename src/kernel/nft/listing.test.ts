/** Tables from libnftables's JSON and text, as 1.0.6 prints them. */
import { expect, test } from "bun:test";
import type { NftJson } from "./libnftables.ts";
import { readListing } from "./listing.ts";
import type { NftTableName } from "./nft.ts";

const name: NftTableName = { family: "inet", name: "t" };
const list = (json: readonly NftJson[]) =>
  readListing({ name, json, printed: "", hooks: new Map() });
const set = (type: unknown, elem: unknown[], map?: string) => [
  { set: { family: "inet", name: "s", table: "t", type, handle: 1, elem, ...(map && { map }) } },
];

test("every type of value is read, with and without a comment", () => {
  const type = ["ifname", "ether_addr", "ipv4_addr", "ipv6_addr", "inet_proto", "mark"];
  const concat = ["br0", "02:03:04:05:06:0A", "10.0.0.1", "FD00:0::1", "tcp", 16777216];
  const elem = [{ elem: { val: { concat }, comment: "c" } }];
  expect(list(set(type, elem)).elements).toEqual([
    {
      kind: "nft-element",
      family: "inet",
      table: "t",
      set: "s",
      key: [
        { ifname: "br0" },
        { mac: "02:03:04:05:06:0a" },
        { ipv4: "10.0.0.1" },
        { ipv6: "fd00::1" },
        { proto: 6 },
        { mark: 16777216 },
      ],
      comment: "c",
    },
  ]);
  expect(list(set("inet_service", [80])).elements[0]?.key).toEqual([{ l4Port: 80 }]);
});

test("what others keep in their tables is refused, not misread", () => {
  const prefix = { prefix: { addr: "10.0.0.0", len: 8 } };
  const refused: unknown[][] = [
    set("icmp_type", []),
    set("ipv4_addr", [prefix]),
    set("ipv4_addr", [{ concat: ["10.0.0.1", "10.0.0.2"] }]),
    set("inet_service", ["http"]),
    [{ set: { name: "s", type: "ipv4_addr", flags: ["interval"] } }],
    [{ map: { name: "m", type: "ipv4_addr", map: "counter" } }],
    [{ map: { name: "m", type: "mark", map: "verdict", elem: [[1, { continue: null }]] } }],
  ];
  for (const json of refused) {
    let code: unknown;
    try {
      list(json as never);
    } catch (error) {
      code = (error as { code?: unknown }).code;
    }
    expect([json, code]).toEqual([json, "EBADMSG"]);
  }
});

test("a rule over several lines is one, and loses our mark but not another's comment", () => {
  const printed = [
    "table inet t { # handle 1",
    "\tchain c { # handle 2",
    "\t\ttype filter hook input priority 0; policy drop;",
    "\t\tip daddr { 10.0.0.1, 10.0.0.2,",
    '\t\t\t     10.0.0.3 } accept comment "netloom 0123456789abcdef 0" # handle 5',
    '\t\tdrop comment "theirs" # handle 6',
    "\t}",
    "}",
  ].join("\n");
  const rule = (handle: number) => ({ rule: { table: "t", chain: "c", handle } });
  const hook = { type: "filter", hook: "input", priority: 0, policy: "drop" } as const;
  const json = [{ chain: { name: "c" } }, rule(5), rule(6)];
  const listed = readListing({ name, json, printed, hooks: new Map([["c", hook]]) });
  expect(listed.table.chains).toEqual([
    {
      name: "c",
      hook,
      rules: ["ip daddr { 10.0.0.1, 10.0.0.2, 10.0.0.3 } accept", 'drop comment "theirs"'],
    },
  ]);
});
