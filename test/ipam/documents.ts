/** Configurations that both host-locals, or both statics, are given, and what comes of each. */

export interface Document {
  readonly plugin: "host-local" | "static";
  readonly document: unknown;
  readonly cniArgs?: string;
}

/** The two that differ are intended; the table says why. */
export type Expected = "both take it" | "both refuse" | "only we take it" | "only we refuse";

type Row = [name: string, document: Document, expected: Expected];

const hl = (ipam: unknown, rest: object = {}, cniArgs?: string): Document => ({
  plugin: "host-local",
  document: { ...rest, ipam },
  ...(cniArgs !== undefined && { cniArgs }),
});
const st = (ipam: unknown, rest: object = {}, cniArgs?: string): Document => ({
  plugin: "static",
  document: { ...rest, ipam },
  ...(cniArgs !== undefined && { cniArgs }),
});
const at = (...addresses: unknown[]) => ({ addresses });
const plain = { subnet: "10.1.0.0/24" };
const v6 = { subnet: "fd00::/64" };
const one = (...ranges: unknown[]) => ({ ranges: [ranges] });
const five = { address: "10.1.0.5/24", gateway: "10.1.0.1" };

const hostLocal: Row[] = [
  ["a subnet", hl(plain), "both take it"],
  ["an IPv6 subnet", hl(v6), "both take it"],
  ["IPv6 text that is not canonical", hl({ subnet: "FD00:0:0:1:0::/64" }), "both take it"],
  ["IPv6 with one zero group", hl({ subnet: "fd00:0:1:1:1:1:1:0/120" }), "both take it"],
  [
    "IPv4 within IPv6",
    hl({ subnet: "64:ff9b::/96", rangeStart: "64:ff9b::1.2.3.4" }),
    "both take it",
  ],
  ["a /30", hl({ subnet: "10.1.0.0/30" }), "both take it"],
  ["a /31", hl({ subnet: "10.1.0.0/31" }), "both refuse"],
  ["a /126", hl({ subnet: "fd00::/126" }), "both take it"],
  ["a /127", hl({ subnet: "fd00::/127" }), "both refuse"],
  ["0.0.0.0/0", hl({ subnet: "0.0.0.0/0" }), "both take it"],
  ["::/0", hl({ subnet: "::/0" }), "both take it"],
  ["bits past the prefix", hl({ subnet: "10.1.0.5/24" }), "both refuse"],
  ["IPv4 written as IPv6", hl({ subnet: "::ffff:10.1.0.0/120" }), "both refuse"],
  ["no length", hl({ subnet: "10.1.0.0" }), "both refuse"],
  ["leading zeros", hl({ subnet: "010.1.0.0/24" }), "both refuse"],
  ["leading zeros of the length", hl({ subnet: "10.1.0.0/024" }), "both take it"],
  ["an empty subnet", hl({ subnet: "" }), "both refuse"],
  ["a number for a subnet", hl({ subnet: 1 }), "both refuse"],
  ["no ranges", hl({}), "both refuse"],
  ["no ipam", hl(undefined), "both refuse"],
  ["an empty set", hl({ ranges: [[]] }), "both refuse"],
  ["a set of null", hl({ ranges: [null] }), "both refuse"],
  ["a range of null", hl({ ranges: [[null]] }), "both refuse"],
  ["a set that is a range", hl({ ranges: [plain] }), "both refuse"],
  ["a gateway outside", hl({ ...plain, gateway: "10.9.0.1" }), "both take it"],
  ["an empty gateway", hl({ ...plain, gateway: "" }), "both take it"],
  ["the network's address as gateway", hl({ ...plain, gateway: "10.1.0.0" }), "both take it"],
  // Nobody can use such a gateway.
  ["a gateway of the other family", hl({ ...plain, gateway: "fd00::1" }), "only we refuse"],
  ["a start", hl({ ...plain, rangeStart: "10.1.0.100" }), "both take it"],
  ["the network's address as start", hl({ ...plain, rangeStart: "10.1.0.0" }), "both take it"],
  ["an IPv4-mapped start", hl({ ...plain, rangeStart: "::ffff:10.1.0.9" }), "both take it"],
  ["a start outside", hl({ ...plain, rangeStart: "10.9.0.1" }), "both refuse"],
  ["a start of the other family", hl({ ...plain, rangeStart: "fd00::1" }), "both refuse"],
  ["an end outside", hl({ ...plain, rangeEnd: "10.9.0.1" }), "both refuse"],
  [
    "a start after the end",
    hl({ ...plain, rangeStart: "10.1.0.9", rangeEnd: "10.1.0.5" }),
    "both refuse",
  ],
  // The range would have no end: the reference wanders out of it.
  ["a start after the default end", hl({ ...plain, rangeStart: "10.1.0.255" }), "only we refuse"],
  ["an end before the default start", hl({ ...plain, rangeEnd: "10.1.0.0" }), "both refuse"],
  [
    "only the gateway in range",
    hl({ ...plain, rangeStart: "10.1.0.1", rangeEnd: "10.1.0.1" }),
    "both refuse",
  ],
  [
    "two ranges of a subnet",
    hl(one({ ...plain, rangeEnd: "10.1.0.9" }, { ...plain, rangeStart: "10.1.0.10" })),
    "both take it",
  ],
  ["overlap in a set", hl(one(plain, { subnet: "10.1.0.0/25" })), "both refuse"],
  ["overlap of sets", hl({ ranges: [[plain], [{ subnet: "10.1.0.0/25" }]] }), "both refuse"],
  ["both families in a set", hl(one(plain, v6)), "both refuse"],
  ["both families", hl({ ranges: [[plain], [v6]] }), "both take it"],
  ["old and new style", hl({ subnet: "10.2.0.0/24", ranges: [[plain]] }), "both take it"],
  [
    "the runtime's ranges too",
    hl(one(plain), { runtimeConfig: { ipRanges: [[{ subnet: "10.3.0.0/24" }]] } }),
    "both take it",
  ],
  ["keys in another case", hl({ SUBNET: "10.1.0.0/24" }), "both take it"],
  ["unknown keys", hl({ ...plain, colour: 1 }), "both take it"],
  [
    "routes",
    hl({
      ...plain,
      routes: [
        { dst: "0.0.0.0/0" },
        {
          dst: "10.9.0.0/16",
          gw: "10.1.0.9",
          mtu: 1400,
          advmss: 1300,
          priority: 5,
          table: 100,
          scope: 253,
        },
      ],
    }),
    "both take it",
  ],
  [
    "a route with host bits",
    hl({ ...plain, routes: [{ dst: "10.9.0.5/16" }, { dst: "3ffe:ffff:0:01ff::1/64" }] }),
    "both take it",
  ],
  [
    "a route with null and empty fields",
    hl({ ...plain, routes: [{ dst: "10.9.0.0/16", gw: "", table: null }] }),
    "both take it",
  ],
  [
    "a route with table and scope 0",
    hl({ ...plain, routes: [{ dst: "10.9.0.0/16", table: 0, scope: 0 }] }),
    "both take it",
  ],
  ["a route without length", hl({ ...plain, routes: [{ dst: "10.9.0.5" }] }), "both refuse"],
  [
    "a route with half an mtu",
    hl({ ...plain, routes: [{ dst: "10.9.0.0/16", mtu: 1.5 }] }),
    "both refuse",
  ],
  // The reference prints "<nil>" and null, which no main plugin can read.
  ["a route without destination", hl({ ...plain, routes: [{ gw: "10.1.0.1" }] }), "only we refuse"],
  ["a route of null", hl({ ...plain, routes: [null] }), "only we refuse"],
  // The kernel has one byte for it, and nothing below 0.
  [
    "a route with scope 999",
    hl({ ...plain, routes: [{ dst: "10.9.0.0/16", scope: 999 }] }),
    "only we refuse",
  ],
  [
    "a route with mtu -1",
    hl({ ...plain, routes: [{ dst: "10.9.0.0/16", mtu: -1 }] }),
    "only we refuse",
  ],
  ["resolvConf of nothing", hl({ ...plain, resolvConf: "/nonexistent" }), "both refuse"],
  ["resolvConf", hl({ ...plain, resolvConf: "/etc/resolv.conf" }), "both take it"],
  ["IP", hl(plain, {}, "IP=10.1.0.7"), "both take it"],
  ["IP with length", hl(plain, {}, "IP=10.1.0.7/16"), "both take it"],
  ["IP written as IPv6", hl(plain, {}, "IP=::ffff:10.1.0.7"), "both take it"],
  ["an empty IP", hl(plain, {}, "IP="), "both take it"],
  ["two in IP", hl(plain, {}, "IP=10.1.0.7,10.1.0.8"), "both refuse"],
  ["the gateway's IP", hl(plain, {}, "IP=10.1.0.1"), "both refuse"],
  ["an IP outside", hl(plain, {}, "IP=10.9.0.1"), "both refuse"],
  ["args.cni.ips", hl(plain, { args: { cni: { ips: ["10.1.0.8"] } } }), "both take it"],
  [
    "two in args.cni.ips",
    hl(plain, { args: { cni: { ips: ["10.1.0.8", "10.1.0.9"] } } }),
    "both refuse",
  ],
  [
    "the same twice in args.cni.ips",
    hl(plain, { args: { cni: { ips: ["10.1.0.8", "10.1.0.8"] } } }),
    "both take it",
  ],
  ["empty text in args.cni.ips", hl(plain, { args: { cni: { ips: [""] } } }), "both refuse"],
  ["null args.cni", hl(plain, { args: { cni: null } }), "both take it"],
  ["the ips capability", hl(plain, { runtimeConfig: { ips: ["10.1.0.8/16"] } }), "both take it"],
  [
    "the ips capability for both",
    hl({ ranges: [[plain], [v6]] }, { runtimeConfig: { ips: ["fd00::8", "10.1.0.8"] } }),
    "both take it",
  ],
  ["null in the ips capability", hl(plain, { runtimeConfig: { ips: [null] } }), "both refuse"],
  [
    "two of a family at 0.2.0",
    hl({ ranges: [[plain], [{ subnet: "10.2.0.0/24" }]] }, { cniVersion: "0.2.0" }),
    "both refuse",
  ],
];

const statics: Row[] = [
  ["static: an address", st(at(five)), "both take it"],
  ["static: none", st({}), "both take it"],
  ["static: without length", st(at({ address: "10.1.0.5" })), "both refuse"],
  ["static: null", st(at(null)), "both refuse"],
  ["static: a gateway outside", st(at({ ...five, gateway: "10.9.0.1" })), "both take it"],
  // Nobody can use such a gateway.
  [
    "static: a gateway of the other family",
    st(at({ ...five, gateway: "fd00::1" })),
    "only we refuse",
  ],
  ["static: two of a family", st(at(five, { address: "10.2.0.5/24" })), "both take it"],
  [
    "static: two of a family at 0.2.0",
    st(at(five, { address: "10.2.0.5/24" }), { cniVersion: "0.2.0" }),
    "both refuse",
  ],
  ["static: IPv4 written as IPv6", st(at({ address: "::ffff:10.1.0.5/120" })), "both take it"],
  [
    "static: routes and dns",
    st({
      ...at(five),
      routes: [{ dst: "0.0.0.0/0" }],
      dns: { nameservers: ["8.8.8.8"], domain: "a", search: ["b"], options: ["c"] },
    }),
    "both take it",
  ],
  [
    "static: text for nameservers",
    st({ ...at(five), dns: { nameservers: "8.8.8.8" } }),
    "both refuse",
  ],
  ["static: IP", st(at(), {}, "IP=10.1.0.7/24"), "both take it"],
  ["static: IP without length", st(at(), {}, "IP=10.1.0.7"), "both refuse"],
  [
    "static: IP and GATEWAY",
    st(at({ address: "10.2.0.7/24" }), {}, "IP=10.1.0.7/24, fd00::7/64;GATEWAY=10.1.0.1,10.2.0.1"),
    "both take it",
  ],
  ["static: GATEWAY of nobody", st(at(), {}, "IP=10.1.0.7/24;GATEWAY=10.9.0.1"), "both take it"],
  ["static: a wrong GATEWAY", st(at(), {}, "IP=10.1.0.7/24;GATEWAY=x"), "both refuse"],
  [
    "static: args.cni.ips",
    st(at(five), { args: { cni: { ips: ["10.1.0.8/24"] } } }),
    "both take it",
  ],
  [
    "static: args.cni.ips without length",
    st(at(five), { args: { cni: { ips: ["10.1.0.8"] } } }),
    "both refuse",
  ],
  [
    "static: the ips capability",
    st(at(five), { runtimeConfig: { ips: ["10.1.0.8/24"] } }),
    "both take it",
  ],
  [
    "static: both",
    st(at(five), {
      args: { cni: { ips: ["10.1.0.8/24"] } },
      runtimeConfig: { ips: ["10.1.0.9/24"] },
    }),
    "both take it",
  ],
];

export const documents: Row[] = [...hostLocal, ...statics];
