/** Routers that hosts exchange routes with. */
import { bgpPeerDefaults } from "../../model/bgp.ts";
import { defineKind } from "../kind.ts";
import type { Fault } from "../object.ts";
import { flag, integer, list, object, text, type Value } from "../schema.ts";
import {
  asNumberBounds,
  communities,
  communityFaults,
  filterFaults,
  prefixFilters,
} from "./bgp-fields.ts";
import { conditionStatus, conditions, selector } from "./fields.ts";

const spec = object("Who it is, and what is told and believed.", {
  hosts: selector("Hosts that have a session with it, by their labels; all unless set."),
  address: text("The router's, as the hosts reach it.", { format: "ip", required: true }),
  port: integer("Its TCP port.", { minimum: 1, maximum: 65535, default: bgpPeerDefaults.port }),
  asNumber: integer("Its AS.", { ...asNumberBounds, required: true }),
  passwordFile: text(
    "A file on the hosts, readable by root alone, whose first line is the session's password (TCP " +
      "MD5, RFC 2385).",
    { pattern: "/[^\\p{C}]*" },
  ),
  families: list(
    "Address families; unless set both over IPv4, IPv6 alone over that.",
    text("One.", { enum: ["ipv4", "ipv6"] }),
  ),
  multihopTtl: integer("Hops to it, where another AS is not on a link of the hosts.", {
    minimum: 2,
    maximum: 255,
  }),
  holdTimeSeconds: integer("So long without a word the session ends: 3 or more, or 0 for never.", {
    minimum: 0,
    maximum: 65535,
    default: bgpPeerDefaults.holdTimeSeconds,
  }),
  allowOwnAs: integer("So often the hosts' own AS may be in the path of what it tells.", {
    minimum: 0,
    maximum: 10,
    default: bgpPeerDefaults.allowOwnAs,
  }),
  import: prefixFilters("What hosts believe; all but default routes unless set."),
  export: prefixFilters(
    "What it is told; all of the hosts' own unless set. Nothing outside of the subnets of networks " +
      "with backend bgp is ever told.",
  ),
  communities: communities("On all that it is told, beside those of the BGPConfiguration."),
  bfd: flag("Its loss is found by BFD (RFC 5880), within a second: of GoBGP 4.6 and later.", {
    default: bgpPeerDefaults.bfd,
  }),
});

type Spec = Value<typeof spec>;

/** RFC 4271: 4.2. */
const leastHoldTime = 3;

function check({ spec }: { readonly spec: Spec }): Fault[] {
  const faults: Fault[] = [];
  const fault = (name: string, message: string) =>
    faults.push({ path: `spec.${name}`, reason: "FieldValueInvalid", message });
  const { address, families, holdTimeSeconds: hold } = spec;
  if (unpeered.test(address))
    fault(
      "address",
      "must be one router's on more than one link: not multicast, loopback or link-local",
    );
  if (hold > 0 && hold < leastHoldTime) {
    fault("holdTimeSeconds", `must be 0, or ${leastHoldTime} or more`);
  }
  if (families?.length === 0) fault("families", "must name one or both, or be left out");
  return [
    ...faults,
    ...filterFaults(spec.import, "spec.import"),
    ...filterFaults(spec.export, "spec.export"),
    ...communityFaults(spec.communities, "spec.communities"),
  ];
}

/** In canonical text: no address, the loopback's, multicast's, link-local without its link. */
const unpeered = /^(0\.|127\.|2(2[4-9]|[345]\d)\.|::1?$|ff|fe[89ab])/;

export const bgpPeerKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "BGPPeer",
  plural: "bgppeers",
  singular: "bgppeer",
  shortNames: ["bgpp"],
  namespaced: false,
  description:
    "A router that hosts with networks of backend bgp exchange routes with, as the rack's.",
  spec,
  status: object("How it fares, by what hosts tell.", {
    hosts: integer("Hosts that should have a session with it.", { minimum: 0, maximum: 1_000_000 }),
    established: integer("Hosts that have one.", { minimum: 0, maximum: 1_000_000 }),
    conditions,
  }),
  columns: [
    {
      name: "Address",
      type: "string",
      description: "The router's.",
      cell: ({ spec }) => spec.address,
    },
    { name: "AS", type: "integer", description: "Its AS.", cell: ({ spec }) => spec.asNumber },
    {
      name: "Sessions",
      type: "string",
      description: "Hosts that have a session with it, of those that should.",
      cell: ({ status }) => status && `${status.established ?? 0}/${status.hosts ?? 0}`,
    },
    {
      name: "Ready",
      type: "string",
      description: "Whether all of these have one.",
      cell: (peer) => conditionStatus(peer, "Ready"),
    },
  ],
  selectable: [],
  check,
});
