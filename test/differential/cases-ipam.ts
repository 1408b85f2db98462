/** Configurations of address management: host-local and static, under a bridge or alone. */
import { bridge, type Case, hostLocal, list, subnet4, subnet6, versions } from "./case.ts";

const withRanges = (ranges: unknown, more = {}) =>
  list(bridge({ ipam: { type: "host-local", dataDir: "$DATA", ranges, ...more } }));

const ranges: Case[] = [
  {
    name: "two ranges in one set, the first of which has one address",
    list: withRanges([
      [
        { subnet: subnet4, rangeStart: "10.5.0.10", rangeEnd: "10.5.0.10" },
        { subnet: "10.6.0.0/24", rangeStart: "10.6.0.20" },
      ],
    ]),
    containers: 3,
  },
  {
    name: "three sets",
    list: withRanges([[{ subnet: subnet4 }], [{ subnet: "10.6.0.0/28" }], [{ subnet: subnet6 }]]),
    containers: 2,
  },
  {
    name: "a range with start, end and gateway",
    list: list(
      bridge({
        isGateway: true,
        ipam: hostLocal([], {
          ranges: [
            [
              {
                subnet: subnet4,
                rangeStart: "10.5.0.50",
                rangeEnd: "10.5.0.60",
                gateway: "10.5.0.254",
              },
            ],
          ],
        }),
      }),
    ),
    containers: 2,
  },
  {
    name: "the old way to write one range",
    list: list(
      bridge({
        isGateway: true,
        ipam: { type: "host-local", dataDir: "$DATA", subnet: subnet4, rangeStart: "10.5.0.7" },
      }),
    ),
  },
  {
    name: "a subnet written with host bits",
    list: withRanges([[{ subnet: "10.5.0.7/24" }]]),
    refused: true,
  },
  { name: "the smallest subnet", list: withRanges([[{ subnet: "10.5.0.0/30" }]]) },
  {
    name: "a subnet of two addresses",
    list: withRanges([[{ subnet: "10.5.0.0/31" }]]),
    refused: true,
  },
  {
    name: "a subnet of one address",
    list: withRanges([[{ subnet: "10.5.0.1/32" }]]),
    refused: true,
  },
  {
    name: "a pool that is full",
    list: withRanges([[{ subnet: "10.5.0.0/30" }]]),
    containers: 2,
    refused: true,
  },
  { name: "a subnet that is none", list: withRanges([[{ subnet: "10.5.0.0" }]]), refused: true },
  { name: "no ranges", list: withRanges([]), refused: true },
  { name: "an empty set", list: withRanges([[]]), refused: true },
  {
    name: "ranges that overlap in a set",
    list: withRanges([[{ subnet: subnet4 }, { subnet: "10.5.0.128/25" }]]),
    refused: true,
  },
  {
    name: "ranges that overlap between sets",
    list: withRanges([[{ subnet: subnet4 }], [{ subnet: "10.5.0.128/25" }]]),
    refused: true,
  },
  {
    name: "families mixed in a set",
    list: withRanges([[{ subnet: subnet4 }, { subnet: subnet6 }]]),
    refused: true,
  },
  {
    name: "a range's start outside its subnet",
    list: withRanges([[{ subnet: subnet4, rangeStart: "10.6.0.1" }]]),
    refused: true,
  },
  {
    name: "a range's start after its end",
    list: withRanges([[{ subnet: subnet4, rangeStart: "10.5.0.9", rangeEnd: "10.5.0.8" }]]),
    refused: true,
  },
  {
    name: "an IPAM plugin that isn't there",
    list: list(bridge({ ipam: { type: "nobody" } })),
    refused: true,
  },
];

const requests: Case[] = [
  {
    name: "an address requested by the runtime",
    list: list(bridge({ runtimeConfig: { ips: ["10.5.0.77/24"] } })),
  },
  {
    name: "an address requested in args.cni",
    list: list(bridge({ args: { cni: { ips: ["10.5.0.78"] } } })),
  },
  {
    name: "an address requested in CNI_ARGS, which bridge does not know",
    list: list(bridge()),
    cniArgs: "IP=10.5.0.79",
    refused: true,
  },
  {
    name: "an address requested in CNI_ARGS",
    list: list(bridge()),
    cniArgs: "IP=10.5.0.79;IgnoreUnknown=true",
  },
  {
    name: "the same address requested by the runtime and in args.cni",
    list: list(
      bridge({ runtimeConfig: { ips: ["10.5.0.77/24"] }, args: { cni: { ips: ["10.5.0.77"] } } }),
    ),
  },
  {
    name: "addresses of both families requested",
    list: list(
      bridge({
        ipam: hostLocal([subnet4, subnet6]),
        runtimeConfig: { ips: ["fd05::77/64", "10.5.0.77/24"] },
      }),
    ),
  },
  {
    name: "an address requested that is taken",
    list: list(bridge({ runtimeConfig: { ips: ["10.5.0.77/24"] } })),
    containers: 2,
    refused: true,
  },
  {
    name: "an address requested outside the range",
    list: list(bridge({ runtimeConfig: { ips: ["10.6.0.77/24"] } })),
    refused: true,
  },
  {
    name: "the gateway's address requested",
    list: list(bridge({ runtimeConfig: { ips: ["10.5.0.1/24"] } })),
    refused: true,
  },
  {
    name: "the network's address requested",
    list: list(bridge({ runtimeConfig: { ips: ["10.5.0.0/24"] } })),
    refused: true,
  },
  {
    name: "ranges from the runtime",
    list: list(
      bridge({
        capabilities: { ipRanges: true },
        ipam: { type: "host-local", dataDir: "$DATA" },
        runtimeConfig: { ipRanges: [[{ subnet: "10.7.0.0/24" }], [{ subnet: "fd07::/64" }]] },
      }),
    ),
  },
  {
    name: "ranges from the runtime and the configuration",
    list: list(bridge({ runtimeConfig: { ipRanges: [[{ subnet: "10.7.0.0/24" }]] } })),
  },
];

const extras: Case[] = [
  {
    name: "routes with every attribute",
    list: list(
      bridge({
        isGateway: true,
        ipam: hostLocal([subnet4, subnet6], {
          routes: [
            { dst: "0.0.0.0/0" },
            { dst: "10.20.0.0/16", gw: "10.5.0.1", mtu: 1300, advmss: 1200, priority: 77 },
            { dst: "10.30.0.0/16", gw: "10.5.0.1", table: 100 },
            { dst: "fd20::/48", gw: "fd05::1", priority: 99, mtu: 1380 },
          ],
        }),
      }),
    ),
  },
  {
    name: "a route by a gateway in the scope of a link",
    list: list(
      bridge({
        isGateway: true,
        ipam: hostLocal([subnet4], { routes: [{ dst: "10.40.0.0/16", scope: 253 }] }),
      }),
    ),
    refused: true,
  },
  {
    name: "a route by a gateway that nothing reaches",
    list: list(
      bridge({
        ipam: hostLocal([subnet4], { routes: [{ dst: "10.20.0.0/16", gw: "10.99.0.1" }] }),
      }),
    ),
    refused: true,
  },
  {
    name: "a route to what is no prefix",
    list: list(bridge({ ipam: hostLocal([subnet4], { routes: [{ dst: "everywhere" }] }) })),
    refused: true,
  },
  {
    name: "DNS settings of the plugin",
    list: list(
      bridge({
        dns: {
          nameservers: ["10.1.1.1", "fd01::1"],
          domain: "a.test",
          search: ["b.test"],
          options: ["ndots:2"],
        },
      }),
    ),
  },
  {
    name: "DNS settings of a resolv.conf",
    list: list(bridge({ ipam: hostLocal([subnet4], { resolvConf: "$DIR/resolv.conf" }) })),
    files: {
      "resolv.conf":
        "# a comment\nnameserver 10.1.1.1\nnameserver fd01::1\nsearch a.test b.test\noptions ndots:3 rotate\n",
    },
  },
  {
    name: "DNS settings of a resolv.conf with a domain, and of the plugin",
    list: list(
      bridge({
        ipam: hostLocal([subnet4], { resolvConf: "$DIR/resolv.conf" }),
        dns: { nameservers: ["10.2.2.2"] },
      }),
    ),
    files: { "resolv.conf": "domain a.test\nnameserver 10.1.1.1\n" },
  },
  {
    name: "a resolv.conf that isn't there",
    list: list(bridge({ ipam: hostLocal([subnet4], { resolvConf: "$DIR/nobody" }) })),
    refused: true,
  },
];

const staticIpam = (more = {}) => ({
  type: "static",
  addresses: [{ address: "10.5.0.9/24", gateway: "10.5.0.1" }],
  ...more,
});

const statics: Case[] = [
  { name: "a static address", list: list(bridge({ isGateway: true, ipam: staticIpam() })) },
  {
    name: "static addresses of both families with routes and DNS",
    list: list(
      bridge({
        isGateway: true,
        ipam: staticIpam({
          addresses: [
            { address: "10.5.0.9/24", gateway: "10.5.0.1" },
            { address: "fd05::9/64", gateway: "fd05::1" },
          ],
          routes: [{ dst: "0.0.0.0/0" }, { dst: "fd20::/48", gw: "fd05::1" }],
          dns: {
            nameservers: ["10.1.1.1"],
            domain: "a.test",
            search: ["a.test"],
            options: ["edns0"],
          },
        }),
      }),
    ),
  },
  {
    name: "a static address without a gateway",
    list: list(bridge({ ipam: { type: "static", addresses: [{ address: "10.5.0.9/24" }] } })),
  },
  {
    name: "static addresses in CNI_ARGS",
    list: list(bridge({ ipam: { type: "static" } })),
    cniArgs: "IgnoreUnknown=1;IP=10.5.0.9/24,fd05::9/64;GATEWAY=10.5.0.1,fd05::1",
  },
  {
    name: "static addresses in args.cni",
    list: list(bridge({ ipam: { type: "static" }, args: { cni: { ips: ["10.5.0.9/24"] } } })),
  },
  {
    name: "static addresses from the runtime",
    list: list(
      bridge({ ipam: { type: "static" }, runtimeConfig: { ips: ["10.5.0.9/24", "fd05::9/64"] } }),
    ),
  },
  {
    name: "static addresses from the runtime before those of the configuration",
    list: list(bridge({ ipam: staticIpam(), runtimeConfig: { ips: ["10.5.0.10/24"] } })),
  },
  {
    name: "a static address without its prefix length",
    list: list(bridge({ ipam: { type: "static", addresses: [{ address: "10.5.0.9" }] } })),
    refused: true,
  },
  {
    name: "a static gateway outside its prefix",
    list: list(
      bridge({
        ipam: staticIpam({ addresses: [{ address: "10.5.0.9/24", gateway: "10.6.0.1" }] }),
      }),
    ),
  },
  {
    name: "static without addresses",
    list: list(bridge({ ipam: { type: "static" } })),
    refused: true,
  },
];

/** An IPAM plugin called as if it were the main one. */
const alone = (ipam: Readonly<Record<string, unknown>>, version: string) =>
  list({ type: ipam.type, ipam }, { cniVersion: version });

const direct: Case[] = [
  ...versions.map((version): Case => {
    return {
      name: `host-local alone at ${version}`,
      list: alone(hostLocal([subnet4, subnet6], { routes: [{ dst: "0.0.0.0/0" }] }), version),
      containers: 2,
    };
  }),
  { name: "static alone at 0.2.0", list: alone(staticIpam(), "0.2.0") },
  { name: "static alone at 0.4.0", list: alone(staticIpam(), "0.4.0") },
  { name: "static alone at 1.1.0", list: alone(staticIpam(), "1.1.0") },
];

export const ipamCases = [...ranges, ...requests, ...extras, ...statics, ...direct];
