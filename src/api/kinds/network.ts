/** Networks: what ports are attached to, and how each host makes it. */
import { encryptedVxlanPort } from "../../model/encapsulation.ts";
import { defineKind } from "../kind.ts";
import type { Fault } from "../object.ts";
import { flag, integer, list, object, text, type Value } from "../schema.ts";
import { conditionStatus, conditions, selector } from "./fields.ts";

const spec = object("How the network is made, the same on each host.", {
  type: text("How ports are connected on their host.", {
    enum: ["bridge", "ptp", "macvlan", "ipvlan", "vlan", "overlay", "routed", "host", "none"],
    required: true,
    immutable: true,
  }),
  parent: text("macvlan, ipvlan, vlan: the host's link that it stands on.", { format: "link" }),
  parentSelector: object(
    "macvlan, ipvlan, vlan: how each host's parent is found, where their names differ. One way.",
    {
      macs: list("The link with one of these.", text("A hardware address.", { format: "mac" })),
      subnet: text("The link that has an address in it.", { format: "cidr" }),
      defaultRoute: flag("The default route's link."),
    },
  ),
  mode: text("macvlan: bridge, private, vepa, passthru or source. ipvlan: l2, l3 or l3s.", {
    enum: ["bridge", "private", "vepa", "passthru", "source", "l2", "l3", "l3s"],
  }),
  ipvlanFlag: text("ipvlan: whom ports on one parent reach; bridge, each other, unless set.", {
    enum: ["bridge", "private", "vepa"],
  }),
  allowedMacs: list(
    "macvlan in mode source: whose frames ports get.",
    text("A hardware address.", { format: "mac" }),
  ),
  maxMacs: integer("macvlan: the most hardware addresses that ports may have on one parent.", {
    minimum: 1,
    maximum: 65535,
  }),
  vlan: integer("vlan, macvlan, ipvlan: the parent's VLAN (802.1Q). bridge: the uplink's.", {
    minimum: 1,
    maximum: 4094,
  }),
  bridge: text("bridge: the bridge's name on each host; one is made up unless set.", {
    format: "link",
    immutable: true,
  }),
  uplink: text("bridge: a link of the host that becomes a port of the bridge.", {
    format: "link",
  }),
  takeOver: flag("bridge: take the uplink even where a network manager would put it back.", {
    default: false,
  }),
  backend: text("routed: how packets come from host to host; vxlan unless set.", {
    enum: ["vxlan", "host-gw", "wireguard", "udp", "bgp"],
  }),
  directRouting: flag("routed, backend vxlan: hosts on one link reach each other by plain routes."),
  underlayProtocol: text("overlay, routed: what hosts reach each other by; ipv4 unless set.", {
    enum: ["ipv4", "ipv6"],
  }),
  vxlan: object("overlay, and routed with backend vxlan: how packets are wrapped.", {
    port: integer(
      "UDP port; 4789 unless set, older fabrics have 8472. Not that of encrypted ones.",
      {
        minimum: 1,
        maximum: 65535,
      },
    ),
    ttl: integer("Hops that a wrapped packet may take; as the host's own unless set.", {
      minimum: 1,
      maximum: 255,
    }),
    dscp: integer(
      "Class of service of wrapped packets (RFC 2474); that of the packet unless set.",
      {
        minimum: 0,
        maximum: 63,
      },
    ),
    checksumOffload: flag("False: for cards that damage or stall on wrapped packets.", {
      default: true,
    }),
  }),
  multicast: flag("overlay: broadcasts and multicasts reach ports on all hosts; true unless set."),
  encryption: text("overlay: whether hosts exchange its packets encrypted; none unless set.", {
    enum: ["none", "wireguard"],
  }),
  masquerade: flag(
    "bridge, ptp, routed: what leaves for outside bears the host's address; routed: unless false.",
  ),
  hairpin: flag("bridge, ptp: a port may reach itself through its published ports.", {
    default: true,
  }),
  portIsolation: flag("bridge: ports reach the gateway and the uplink, not each other.", {
    default: false,
  }),
  antiSpoofing: flag("Ports send with their own addresses only, where the type can hold them.", {
    default: true,
  }),
  acceptRouterAdvertisements: flag("Ports believe routers' advertisements.", { default: false }),
  sendRouterAdvertisements: flag("Ports may be routers: what they advertise is let pass.", {
    default: false,
  }),
  duplicateAddressDetection: flag("Ports look whether their IPv6 addresses are free first.", {
    default: false,
  }),
  hostShim: flag("macvlan: ports and their own host reach each other.", { default: false }),
  hostShimAddresses: list(
    "macvlan: the host's addresses for its ports; those of the parent unless set.",
    text("An address.", { format: "ip" }),
  ),
  mtu: integer("Bytes; 0: as the host's uplink, or the parent.", {
    minimum: 0,
    maximum: 65535,
    default: 0,
  }),
  sharedWith: selector("Namespaces whose ports may be on it too, beside its own."),
  hosts: selector("Hosts that may have it; all unless set."),
});

const status = object("How it fares.", {
  subnets: list("Its subnets.", text("A subnet's name.")),
  ports: integer("How many ports are on it.", { minimum: 0, maximum: 1_000_000_000 }),
  vni: integer("overlay, routed: its VXLAN network identifier (RFC 7348).", {
    minimum: 1,
    maximum: 2 ** 24 - 1,
  }),
  mtu: integer("overlay, routed: bytes that pass between all of its hosts.", {
    minimum: 0,
    maximum: 65535,
  }),
  conditions,
});

type Spec = Value<typeof spec>;

/** Options that not every type has → the types that have them. */
const ofTypes: Readonly<Record<string, readonly Spec["type"][]>> = {
  parent: ["macvlan", "ipvlan", "vlan"],
  parentSelector: ["macvlan", "ipvlan", "vlan"],
  mode: ["macvlan", "ipvlan"],
  ipvlanFlag: ["ipvlan"],
  allowedMacs: ["macvlan"],
  maxMacs: ["macvlan"],
  hostShimAddresses: ["macvlan"],
  vlan: ["macvlan", "ipvlan", "vlan", "bridge"],
  bridge: ["bridge"],
  uplink: ["bridge"],
  backend: ["routed"],
  underlayProtocol: ["overlay", "routed"],
  vxlan: ["overlay", "routed"],
  multicast: ["overlay"],
  encryption: ["overlay"],
};
/** The same of flags, which are there always: where they may be true. */
const flagsOfTypes: Readonly<Record<string, readonly Spec["type"][]>> = {
  takeOver: ["bridge"],
  masquerade: ["bridge", "ptp", "routed"],
  directRouting: ["routed"],
  hostShim: ["macvlan"],
  portIsolation: ["bridge"],
  duplicateAddressDetection: ["bridge", "macvlan", "ipvlan", "vlan", "overlay"],
  // What a port of type ptp or routed says reaches the host alone, which heeds no routers.
  sendRouterAdvertisements: ["bridge", "macvlan", "ipvlan", "vlan", "overlay"],
};
/** What IPv4 needs. */
const leastMtu = 68;
/** Options that are of use with another only: a condition and what is wrong without it. */
const companions: readonly [keyof Spec, (spec: Spec) => boolean, string][] = [
  ["takeOver", ({ uplink }) => uplink !== undefined, "goes with an uplink only: name one"],
  [
    "vlan",
    ({ type, uplink }) => type !== "bridge" || uplink !== undefined,
    'of type "bridge" is its uplink\'s: name one',
  ],
  ["allowedMacs", ({ mode }) => mode === "source", 'goes with mode "source" only'],
  ["hostShimAddresses", ({ hostShim }) => hostShim, "goes with hostShim only: set that too"],
  [
    "hostShim",
    ({ mode = "bridge" }) => mode === "bridge",
    'goes with mode "bridge" only: other modes keep ports on one parent apart',
  ],
  ["mtu", ({ mtu }) => mtu === 0 || mtu >= leastMtu, `must be 0, or ${leastMtu} or more`],
  [
    "directRouting",
    ({ backend = "vxlan" }) => backend === "vxlan",
    'goes with backend "vxlan" only: others have plain routes, or none',
  ],
  [
    "vxlan",
    ({ type, backend = "vxlan" }) => type !== "routed" || backend === "vxlan",
    'goes with backend "vxlan" only',
  ],
  [
    "vxlan",
    ({ vxlan }) => vxlan?.port !== encryptedVxlanPort,
    `has the port of encrypted networks in their tunnels, ${encryptedVxlanPort}: take another`,
  ],
  ["masquerade", ({ uplink }) => uplink === undefined, "does not go with an uplink: leave one out"],
];
const isGiven = (value: unknown) =>
  value !== undefined && value !== false && (!Array.isArray(value) || value.length > 0);

const modes: Readonly<Record<string, readonly string[]>> = {
  macvlan: ["bridge", "private", "vepa", "passthru", "source"],
  ipvlan: ["l2", "l3", "l3s"],
};

function check({ spec }: { readonly spec: Spec }): Fault[] {
  const faults: Fault[] = [];
  const fault = (name: string, message: string, reason: Fault["reason"] = "FieldValueInvalid") =>
    faults.push({ path: `spec.${name}`, reason, message });
  const values: Readonly<Record<string, unknown>> = { ...spec };
  const misplaced = [
    ...Object.entries(ofTypes).filter(([name]) => values[name] !== undefined),
    ...Object.entries(flagsOfTypes).filter(([name]) => values[name] === true),
  ].filter(([, types]) => !types.includes(spec.type));
  for (const [name, types] of misplaced) {
    const named = types.map((type) => `"${type}"`).join(", ");
    fault(name, `does not go with type "${spec.type}", only with ${named}`, "FieldValueForbidden");
  }
  const known = modes[spec.type];
  if (spec.mode !== undefined && known && !known.includes(spec.mode)) {
    fault("mode", `supported values of type "${spec.type}": "${known.join('", "')}"`);
  }
  if (spec.type === "vlan" && spec.vlan === undefined) {
    fault("vlan", 'is required of type "vlan"', "FieldValueRequired");
  }
  for (const [name, isMet, message] of companions) {
    if (isGiven(spec[name]) && !isMet(spec)) fault(name, message);
  }
  if (spec.mode === "source" && !isGiven(spec.allowedMacs)) {
    fault("allowedMacs", 'is required of mode "source"', "FieldValueRequired");
  }
  faults.push(...parentFaults(spec));
  return faults;
}

/** The parent is named, or looked for in one way. */
function parentFaults({ type, parent, parentSelector }: Spec): Fault[] {
  if (!ofTypes.parent!.includes(type)) return [];
  const path = "spec.parentSelector";
  if (parentSelector === undefined) {
    if (parent !== undefined) return [];
    const message = `is required of type "${type}": name a link, or say in ${path} how to find it`;
    return [{ path: "spec.parent", reason: "FieldValueRequired", message }];
  }
  if (parent !== undefined) {
    const message = `does not go with spec.parent, which is "${parent}": leave one out`;
    return [{ path, reason: "FieldValueForbidden", message }];
  }
  if (Object.values(parentSelector).filter(isGiven).length === 1) return [];
  const message = 'takes one of "macs", "subnet" and "defaultRoute"';
  return [{ path, reason: "FieldValueInvalid", message }];
}

/** Whether what leaves for outside bears the host's address. */
export const masquerades = ({ type, masquerade = type === "routed" }: Spec): boolean => masquerade;

/** As a table's cell says it. */
function wayOf(selector: Spec["parentSelector"]): string | undefined {
  if (selector?.defaultRoute) return "default route";
  return selector?.subnet ?? selector?.macs?.join(",");
}

export const networkKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Network",
  plural: "networks",
  singular: "network",
  shortNames: ["net"],
  namespaced: true,
  description: "What ports are attached to, and how each host makes it.",
  spec,
  status,
  columns: [
    { name: "Type", type: "string", description: "Network type.", cell: ({ spec }) => spec.type },
    {
      name: "Subnets",
      type: "string",
      description: "Its subnets.",
      cell: ({ status }) => status?.subnets?.join(","),
    },
    {
      name: "Ports",
      type: "integer",
      description: "How many ports are on it.",
      cell: ({ status }) => status?.ports ?? 0,
    },
    {
      name: "Ready",
      type: "string",
      description: "Whether its hosts have it.",
      cell: (network) => conditionStatus(network, "Ready"),
    },
    {
      name: "Parent",
      type: "string",
      description: "The host's link that it stands on.",
      wide: true,
      cell: ({ spec }) => spec.parent ?? wayOf(spec.parentSelector) ?? spec.uplink,
    },
  ],
  selectable: ["spec.type"],
  check,
});
