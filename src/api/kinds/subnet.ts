/** Subnets: the addresses of a network. */
import { gatewayOf } from "../../model/kept-addresses.ts";
import { defineKind } from "../kind.ts";
import { integer, keyedList, list, object, text } from "../schema.ts";
import { conditionStatus, conditions, ranges } from "./fields.ts";
import { checkSubnet } from "./subnet-check.ts";

const count = (description: string) =>
  integer(description, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const spec = object("Which addresses, and who gives them.", {
  network: text("The network, in the same namespace.", {
    format: "name",
    required: true,
    immutable: true,
  }),
  cidr: text("All its addresses: 10.1.0.0/24 or fd00:1::/64.", {
    format: "cidr",
    required: true,
    immutable: true,
  }),
  gateway: text("Where ports send what is for others; the first address unless set.", {
    format: "ip",
    immutable: true,
  }),
  allocationPools: ranges("Addresses that are given to ports; all of the CIDR unless set."),
  reserved: list(
    "Addresses that only ports get that ask for them by fixedIps.",
    text("An address.", { format: "ip" }),
  ),
  serviceAddress: text("For DNS and DHCP, given to nobody; the second address unless set.", {
    format: "ip",
    immutable: true,
  }),
  blockSize: integer("Prefix length of the blocks leased to hosts; 26 or 122 unless set.", {
    minimum: 1,
    maximum: 128,
    immutable: true,
  }),
  nodePrefixLength: integer(
    "Each host of the network gets a prefix of this length for its own, in its spec.prefixes.",
    { minimum: 1, maximum: 128 },
  ),
  dns: object("What ports are told of DNS.", {
    nameservers: list("Servers.", text("An address.", { format: "ip" })),
    domain: text("The ports' own domain."),
    search: list("Domains in which short names are looked for.", text("A domain.")),
    options: list("Options of resolv.conf.", text("An option.")),
  }),
  routes: keyedList(
    "Routes of ports, beside the default route.",
    ["destination"],
    object("A route.", {
      destination: text("For which addresses.", { format: "cidr", required: true }),
      nextHop: text("The router; the subnet's gateway unless set.", { format: "ip" }),
    }),
  ),
});

const status = object("How it fares.", {
  addresses: count("Addresses that can be given to ports; 2^53 - 1 also where there are more."),
  allocated: count("Addresses that ports have."),
  blocks: count("Blocks that hosts hold."),
  conditions,
});

/** For people: a count ends at the largest number that JSON's readers keep exact. */
export const countOrMore = (value: number): number | string =>
  value === Number.MAX_SAFE_INTEGER ? "over 2^53" : value;

export const subnetKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Subnet",
  plural: "subnets",
  singular: "subnet",
  shortNames: ["sub"],
  namespaced: true,
  description: "The addresses of a network.",
  spec,
  status,
  columns: [
    {
      name: "Network",
      type: "string",
      description: "Whose addresses.",
      cell: ({ spec }) => spec.network,
    },
    {
      name: "CIDR",
      type: "string",
      description: "All its addresses.",
      cell: ({ spec }) => spec.cidr,
    },
    {
      name: "Gateway",
      type: "string",
      description: "Where ports send what is for others.",
      cell: ({ spec }) => gatewayOf(spec),
    },
    {
      name: "Used",
      type: "integer",
      description: "Addresses that ports have.",
      cell: ({ status }) => status?.allocated ?? 0,
    },
    {
      name: "Addresses",
      type: "string",
      description: "Addresses that can be given to ports.",
      wide: true,
      cell: ({ status }) =>
        status?.addresses === undefined ? undefined : String(countOrMore(status.addresses)),
    },
    {
      name: "Ready",
      type: "string",
      description: "Whether it gives addresses.",
      wide: true,
      cell: (subnet) => conditionStatus(subnet, "Ready"),
    },
  ],
  selectable: ["spec.network"],
  check: checkSubnet,
  references: ({ metadata, spec }) => [
    {
      path: "spec.network",
      kind: "Network",
      namespace: metadata.namespace,
      name: spec.network,
    },
  ],
});
