/** Which fields name things of hosts: links, ports, users. Every field is listed. */
import { canonicalJson } from "../json.ts";
import type { ApiObject } from "../object.ts";
import type { Network, Port, Subnet } from "./index.ts";
import type { Allowed } from "./tenant.ts";

interface Row {
  /** What a tenant is allowed of such things: a field of its `spec.allowed`. */
  readonly as: keyof Allowed;
  /** It names something where it is this alone; whenever it is set unless said. */
  readonly when?: string | boolean;
  /** Fields beside it that make it another thing, as another parent makes a VLAN another. */
  readonly beside?: readonly string[];
  /** A link by its name. */
  readonly isLink?: true;
  /** It may be any: who is to set it is allowed all, by "*". */
  readonly isAny?: true;
}

/** It names nothing of the host. */
const nothing = "nothing";

interface Parts {
  /** Of an object, or of each in a list. */
  readonly parts: Rows;
}
type Rows = Readonly<Record<string, Row | Parts | typeof nothing>>;
/** A row a field: one that is forgotten does not compile. */
type Fields<T> = { readonly [F in keyof Required<T>]: Row | Parts | typeof nothing };
type Item<T> = NonNullable<T> extends readonly (infer I)[] ? I : NonNullable<T>;

const vxlanFields: Fields<NonNullable<Network["spec"]["vxlan"]>> = {
  // Each host listens there.
  port: { as: "hostPorts" },
  ttl: nothing,
  dscp: nothing,
  checksumOffload: nothing,
};

/** What makes the link that a network shares with others another. */
const shared = ["parent", "parentSelector", "vlan", "uplink"];

const networkFields: Fields<Network["spec"]> = {
  type: { as: "hostNetwork", when: "host" },
  parent: { as: "parents", isLink: true },
  // Which it is, each host tells.
  parentSelector: { as: "parents", isAny: true },
  // In this mode the host has no more use of the parent.
  mode: { as: "takeOver", when: "passthru", beside: ["parent", "parentSelector"] },
  ipvlanFlag: nothing,
  allowedMacs: nothing,
  maxMacs: nothing,
  vlan: { as: "vlans", beside: ["parent", "parentSelector", "uplink"] },
  bridge: { as: "bridges", isLink: true },
  uplink: { as: "uplinks", isLink: true },
  takeOver: { as: "takeOver", when: true, beside: ["uplink"] },
  backend: nothing,
  directRouting: nothing,
  underlayProtocol: nothing,
  vxlan: { parts: vxlanFields },
  multicast: nothing,
  encryption: nothing,
  masquerade: nothing,
  hairpin: nothing,
  // Others are deceived where a link is shared with them, and where the host forwards.
  antiSpoofing: { as: "spoofing", when: false, beside: shared },
  acceptRouterAdvertisements: nothing,
  sendRouterAdvertisements: { as: "spoofing", when: true, beside: shared },
  portIsolation: nothing,
  duplicateAddressDetection: nothing,
  hostShim: nothing,
  // They become the host's own.
  hostShimAddresses: { as: "hostNetwork" },
  mtu: nothing,
  sharedWith: nothing,
  hosts: nothing,
};

const subnetFields: Fields<Subnet["spec"]> = {
  network: nothing,
  // Hosts route to the subnets of bridges.
  cidr: { as: "subnets" },
  gateway: nothing,
  allocationPools: nothing,
  reserved: nothing,
  serviceAddress: nothing,
  blockSize: nothing,
  nodePrefixLength: nothing,
  dns: nothing,
  routes: nothing,
};

const publishFields: Fields<Item<Port["spec"]["publish"]>> = {
  // Without an address it is all of the host's.
  hostPort: { as: "hostPorts", beside: ["hostIp", "protocol"] },
  containerPort: nothing,
  protocol: nothing,
  hostIp: nothing,
};

const tapFields: Fields<Item<Port["spec"]["tap"]>> = {
  name: { as: "taps", isLink: true },
  owner: { as: "tapOwners" },
  group: { as: "tapGroups" },
  multiQueue: nothing,
};

const portFields: Fields<Port["spec"]> = {
  // Whether it may be on that network is for the network's `sharedWith` to say.
  network: nothing,
  type: nothing,
  joins: nothing,
  host: nothing,
  fixedIps: nothing,
  mac: nothing,
  identity: nothing,
  publish: { parts: publishFields },
  tap: { parts: tapFields },
  device: { as: "devices", isLink: true },
};

const rowsByKind: Readonly<Record<string, Rows>> = {
  Network: networkFields,
  Subnet: subnetFields,
  Port: portFields,
};

/** A thing of the host that an object names. */
export interface HostThing {
  readonly path: string;
  readonly value: string | number | boolean;
  readonly as: keyof Allowed;
  readonly isLink: boolean;
  /** The same while it is the same thing. */
  readonly key: string;
}

/** The things of hosts that the object names, and named not before. Pure. */
export function thingsNamedAnew(old: ApiObject | undefined, next: ApiObject): HostThing[] {
  const before = new Set(old && thingsOf(old).map(({ key }) => key));
  return thingsOf(next).filter(({ key }) => !before.has(key));
}

type Members = Readonly<Record<string, any>>;

function thingsOf({ kind, spec }: ApiObject<any, any>): HostThing[] {
  const rows = Object.hasOwn(rowsByKind, kind) ? rowsByKind[kind]! : {};
  // A link of another host is another link.
  return collect(rows, spec, { path: "spec", where: [spec.host ?? null, spec.hosts ?? null] });
}

interface Within {
  readonly path: string;
  readonly where: readonly unknown[];
}

function collect(rows: Rows, members: Members, { path, where }: Within): HostThing[] {
  return Object.entries(rows).flatMap(([field, row]): HostThing[] => {
    const value = members[field];
    const at = `${path}.${field}`;
    if (row === nothing || value === undefined) return [];
    if ("parts" in row) {
      if (!Array.isArray(value)) return collect(row.parts, value, { path: at, where });
      return value.flatMap((item, i) => collect(row.parts, item, { path: `${at}[${i}]`, where }));
    }
    if (row.when !== undefined && row.when !== value) return [];
    const beside = (row.beside ?? []).map((name) => members[name] ?? null);
    const key = canonicalJson([row.as, value, ...beside, ...where]);
    const isLink = row.isLink === true;
    return [{ path: at, value: row.isAny ? "*" : value, as: row.as, isLink, key }];
  });
}
