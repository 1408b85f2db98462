/** Hosts: machines on which an agent makes ports. */
import { defineKind, type ObjectOfKind } from "../kind.ts";
import { flag, integer, keyedList, list, object, text } from "../schema.ts";
import type { Labels } from "../selectors.ts";
import { conditionStatus, conditions } from "./fields.ts";
import { checkPrefixes, type PrefixOfSubnet, prefixReferences } from "./host-prefixes.ts";

/** The operator says in which boot a host was when it went for good: `netloom.dev/over=<boot>`. */
export const overAnnotation = "netloom.dev/over";

/** Any other text than before asks the host for another WireGuard key. */
export const rotateKeyAnnotation = "netloom.dev/rotate-wireguard-key";

/** Of the condition `Ready` of a host whose agent is not heard of. */
export const silentReason = "Silent";

/** By which networks and pools choose hosts: its name is one, as in Kubernetes. */
export const labelsOfHost = (name: string, labels: Labels | undefined): Labels => ({
  "kubernetes.io/hostname": name,
  ...labels,
});

const spec = object("What is asked of it.", {
  unschedulable: flag("It gets no new blocks of addresses.", { default: false }),
  addresses: list(
    "Addresses that other hosts reach it by; those of its default route's link unless set.",
    text("One.", { format: "ip" }),
  ),
  prefixes: keyedList(
    "Parts of subnets that are its own: its ports get addresses of these alone where it has any " +
      "of a subnet, and no other host's ports do. The server adds one of each subnet with " +
      "nodePrefixLength.",
    ["subnet", "cidr"],
    object("One of them.", {
      subnet: text("The subnet, as namespace/name.", { format: "reference", required: true }),
      cidr: text("Its addresses: one or more whole blocks of the subnet.", {
        format: "cidr",
        required: true,
      }),
    }),
  ),
});

const status = object("What its agent reports.", {
  addresses: list("Addresses that other hosts reach it by.", text("One.", { format: "ip" })),
  underlay: keyedList(
    "The same, one of each family, as overlays and routed networks use them.",
    ["address"],
    object("One of them.", {
      address: text("The address.", { format: "ip", required: true }),
      prefixLength: integer("Of its link's subnet.", {
        minimum: 0,
        maximum: 128,
        required: true,
      }),
      mtu: integer("Of its link, in bytes.", { minimum: 68, maximum: 65536, required: true }),
    }),
  ),
  publicKey: text("What others know its WireGuard tunnel by: base64 of 32 bytes.", {
    // The last of 43 digits has two bits that are none of the key's.
    pattern: "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",
    maxLength: 44,
  }),
  version: text("Of its agent."),
  kernel: text("Of its operating system."),
  ports: integer("Ports attached there.", { minimum: 0, maximum: 1_000_000 }),
  repairs: integer("Objects that an outside hand changed and the agent put back since it began.", {
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
  }),
  bgp: object("BGP on it, while it has a network with backend bgp.", {
    version: text("Of its daemon, GoBGP."),
    learnt: integer("Prefixes that it has learnt.", { minimum: 0, maximum: 1_000_000_000 }),
    hosts: integer("Other hosts that it should have a session with.", {
      minimum: 0,
      maximum: 1_000_000,
    }),
    hostsEstablished: integer("Other hosts that it has one with.", {
      minimum: 0,
      maximum: 1_000_000,
    }),
    peers: keyedList(
      "Its sessions with routers.",
      ["peer"],
      object("One of them.", {
        peer: text("The BGPPeer.", { format: "name", required: true }),
        established: flag("Whether routes are exchanged.", { default: false }),
        reason: text("Why, one word in CamelCase for programs."),
        message: text("Why, for people.", { maxLength: 1024 }),
        received: integer("Prefixes that it tells.", { minimum: 0, maximum: 1_000_000_000 }),
        announced: integer("Prefixes that it is told.", { minimum: 0, maximum: 1_000_000_000 }),
      }),
    ),
  }),
  boot: text("In which boot it is: blocks are confirmed for one boot."),
  agent: text("Which agent serves it: what its state directory keeps tells it from others."),
  wantedBlocks: list(
    "Subnets that it has too few free addresses of, as namespace/name.",
    text("A subnet.", { format: "reference" }),
  ),
  heartbeat: text("When its agent was last heard of.", { format: "date-time" }),
  conditions,
});

/** The prefixes that the host has of a subnet, `namespace/name`. */
export const prefixesOf = (
  { spec }: { readonly spec: { readonly prefixes?: readonly PrefixOfSubnet[] } },
  subnet: string,
): string[] => (spec.prefixes ?? []).flatMap((each) => (each.subnet === subnet ? each.cidr : []));

export const hostKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Host",
  plural: "hosts",
  singular: "host",
  shortNames: ["ho"],
  namespaced: false,
  description: "A machine on which an agent makes ports.",
  spec,
  status,
  columns: [
    {
      name: "Ready",
      type: "string",
      description: "Whether its agent is heard of, or Terminating while it is removed.",
      cell: (host) =>
        host.metadata.deletionTimestamp === undefined
          ? conditionStatus(host, "Ready")
          : "Terminating",
    },
    {
      name: "Ports",
      type: "integer",
      description: "Attached there.",
      cell: ({ status }) => status?.ports ?? 0,
    },
    {
      name: "Heartbeat",
      type: "date",
      description: "When its agent was last heard of.",
      cell: ({ status }) => status?.heartbeat,
    },
    {
      name: "Addresses",
      type: "string",
      description: "Addresses that other hosts reach it by.",
      wide: true,
      cell: ({ status }) => status?.addresses?.join(","),
    },
    {
      name: "Prefixes",
      type: "string",
      description: "Parts of subnets that are its own.",
      wide: true,
      cell: ({ spec }) => spec.prefixes?.map(({ cidr }) => cidr).join(","),
    },
    {
      name: "Version",
      type: "string",
      description: "Of its agent.",
      wide: true,
      cell: ({ status }) => status?.version,
    },
    {
      name: "Kernel",
      type: "string",
      description: "Of its operating system.",
      wide: true,
      cell: ({ status }) => status?.kernel,
    },
  ],
  selectable: [],
  check: checkPrefixes,
  references: ({ spec }) => prefixReferences(spec.prefixes),
});

/** Whether it may have blocks, in the words of `ipam/host-fence.ts`. */
export function fenceOf({ metadata, status }: ObjectOfKind<typeof hostKind>) {
  const { annotations, deletionTimestamp } = metadata;
  const { boot = "", agent } = status ?? {};
  const serving = { boot, ...(agent !== undefined && { agent }) };
  if (deletionTimestamp === undefined) return serving;
  // One that never told its boot has been given no block.
  const isOver = boot === "" || annotations?.[overAnnotation] === boot;
  return { ...serving, removing: true, ...(isOver && { over: boot }) };
}
