/** The objects of a large control plane, as the server would have made them. */
import type { Kind } from "../../src/api/kind.ts";
import { apiVersionOf } from "../../src/api/kind.ts";
import { kinds } from "../../src/api/kinds/index.ts";
import type { ApiObject } from "../../src/api/object.ts";
import { newObject, withStatus } from "../../src/control/objects/prepare.ts";
import { track } from "../../src/control/objects/track.ts";
import type { Size } from "./size.ts";

export type AnyKind = Kind<any, any>;

export const kindOf = (name: string): AnyKind => kinds.find(({ kind }) => kind === name)!;

export interface Made {
  readonly kind: AnyKind;
  readonly object: ApiObject;
}

interface Wanted {
  readonly metadata: Partial<ApiObject["metadata"]>;
  readonly spec?: object;
  readonly status?: object;
}

/** When they were made, and their conditions became what they are. */
export const now = "2026-01-01T00:00:00Z";
/** Hosts count as heard of for as long as a bench may run. */
export const heartbeat = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 19)}Z`;

/** Of a port of this host: `h` counts hosts, `p` its ports. */
export const portName = (h: number, p: number) => `port-${h}-${p}`;
export const hostName = (h: number) => `host-${h}`;
export const networkName = (n: number) => `net-${n}`;
const namespaceName = (n: number) => `space-${n}`;

/** Where everything of a network is. */
export const namespaceOf = ({ namespaces }: Size, network: number) =>
  namespaceName(network % namespaces);

/** The network that a host's port is on. Neighbours have some in common, hosts far apart none. */
export const networkOf = ({ networks, networksPerHost }: Size, h: number, p: number) =>
  (h + Math.floor(((p % networksPerHost) * networks) / networksPerHost)) % networks;

/** Every object, in an order in which each comes after what it refers to. */
export function* objects(size: Size): Generator<Made> {
  for (let t = 0; t < size.tenants; t++) {
    const namespaceSelector = { matchLabels: { tenant: `tenant-${t}` } };
    const quotas = { networks: size.networks, ports: size.ports };
    yield make("Tenant", {
      metadata: { name: `tenant-${t}` },
      spec: { namespaceSelector, quotas },
    });
  }
  for (let n = 0; n < size.namespaces; n++) {
    const labels = { tenant: `tenant-${n % size.tenants}` };
    yield make("Namespace", { metadata: { name: namespaceName(n), labels } });
  }
  yield make("Namespace", { metadata: { name: "default" } });
  for (let n = 0; n < size.networks; n++) yield* network(size, n);
  for (let h = 0; h < size.hosts; h++) yield* host(size, h);
}

function* network(size: Size, n: number): Generator<Made> {
  const metadata = { name: networkName(n), namespace: namespaceOf(size, n) };
  yield make("Network", { metadata, spec: { type: "bridge", masquerade: true } });
  const cidr = `10.${n % 250}.0.0/16`;
  yield make("Subnet", { metadata, spec: { network: metadata.name, cidr } });
}

/** A host, the blocks that it holds, and its ports. */
function* host(size: Size, h: number): Generator<Made> {
  yield castHost({
    host: hostName(h),
    rack: `rack-${h % 100}`,
    address: `192.0.${h >> 8}.${h & 255}`,
  });
  const held = Array.from({ length: size.ports / size.hosts }, (_, p) => portParts(size, h, p));
  for (let b = 0; b < size.networksPerHost; b++) {
    const mine = held.filter((_, p) => p % size.networksPerHost === b);
    yield block(mine, blockCidr(size, h, b));
  }
  for (const parts of held) yield castPort(parts);
}

/** A network has a block a host: those of one network follow each other. */
function blockCidr(size: Size, h: number, p: number): string {
  const turn = Math.floor(h / size.networks) * size.networksPerHost + (p % size.networksPerHost);
  return `10.${networkOf(size, h, p) % 250}.${turn >> 2}.${(turn & 3) * 64}/26`;
}

type PortParts = ReturnType<typeof portParts>;

function portParts(size: Size, h: number, p: number) {
  const n = networkOf(size, h, p);
  const [a, b, c, d] = blockCidr(size, h, p).split(/[./]/).map(Number);
  const bytes = [h >> 8, h & 255, p].map((byte) => byte.toString(16).padStart(2, "0"));
  return {
    port: portName(h, p),
    namespace: namespaceOf(size, n),
    network: networkName(n),
    host: hostName(h),
    app: `app-${p % 10}`,
    address: `${a}.${b}.${c}.${d! + 8 + Math.floor(p / size.networksPerHost)}`,
    mac: `02:00:00:${bytes.join(":")}`,
  };
}

const castPort = mould<PortParts>(
  {
    ...{ port: "a-port", namespace: "a-namespace", network: "a-network", host: "a-host" },
    ...{ app: "an-app", address: "198.51.100.77", mac: "02:00:5e:00:53:77" },
  },
  ({ port, namespace, network, host, app, address, mac }) => {
    const ready = { type: "Ready", status: "True", reason: "Attached", message: "It is attached" };
    return make("Port", {
      metadata: { name: port, namespace, labels: { app, tier: "web" } },
      spec: { network, host },
      status: {
        addresses: [{ address, subnet: network }],
        mac,
        bindings: [{ host, epoch: 1, active: true }],
        attachment: { containerId: `${port}-container`, ifName: "eth0", hostLink: "nl0123456789a" },
        conditions: [{ ...ready, lastTransitionTime: now }],
      },
    });
  },
);

const castHost = mould(
  { host: "a-host", rack: "a-rack", address: "198.51.100.77" },
  ({ host, rack, address }) => {
    const ready = { type: "Ready", status: "True", reason: "Serving", message: "Its agent runs" };
    return make("Host", {
      metadata: { name: host, labels: { rack } },
      status: {
        ...{ addresses: [address], version: "0.1.0", kernel: "6.1.0" },
        ...{ heartbeat, boot: `boot-of-${host}` },
        conditions: [{ ...ready, lastTransitionTime: now }],
      },
    });
  },
);

/** The block that these ports of one host and network have their addresses of. */
function block(ports: readonly PortParts[], cidr: string): Made {
  const [{ namespace, network, host }] = ports as [PortParts];
  const name = `${namespace}.${network}.${cidr.replace(/[./]/g, "-")}`;
  const cast = castBlock({ name, namespace, network, cidr, host });
  const held = ports.map(({ port, address }) => [address, { owner: `${port}-container/eth0` }]);
  const allocation = {
    ...emptyAllocation({ name, namespace, network, cidr, host }),
    ...{ sequence: ports.length, held: Object.fromEntries(held) },
  };
  return { ...cast, object: { ...cast.object, status: { allocation } } };
}

export interface BlockParts extends Record<string, string> {
  readonly name: string;
  readonly namespace: string;
  readonly network: string;
  readonly cidr: string;
  readonly host: string;
}

/** Of a block that its host gives nothing of. */
export const emptyAllocation = ({ name, namespace, network, cidr, host }: BlockParts) => ({
  ...{ block: name, subnet: { namespace, name: network }, cidr, lease: `lease-of-${host}` },
  ...{ stage: "giving", boot: `boot-of-${host}`, revision: 1, sequence: 0 },
  ...{ held: {}, rested: {}, refused: {} },
});

const castBlock = mould(
  {
    ...{ name: "a-block", namespace: "a-namespace", network: "a-network" },
    ...{ cidr: "198.51.100.64/26", host: "a-host" },
  },
  (parts: BlockParts) => {
    const { name, namespace, network, cidr, host } = parts;
    const subnet = { namespace, name: network };
    const spec = { subnet, cidr, host, lease: `lease-of-${host}` };
    const status = { allocation: emptyAllocation(parts) };
    return make("IPBlock", { metadata: { name }, spec, status });
  },
);

/** Makes one object of a sort as the server does, and others by writing their parts into it. */
function mould<Parts extends Record<string, string>>(
  sample: Parts,
  build: (parts: Parts) => Made,
): (parts: Parts) => Made {
  const { kind, object } = build(sample);
  const text = JSON.stringify(object);
  const parts = Object.entries(sample).sort(([, a], [, b]) => b.length - a.length);
  const pattern = new RegExp(parts.map(([, value]) => RegExp.escape(value)).join("|"), "g");
  const nameOf = new Map(parts.map(([name, value]) => [value, name]));
  return (values) => {
    const cast = JSON.parse(
      text.replace(pattern, (value) => values[nameOf.get(value)!]!),
    ) as ApiObject;
    // In its place: the order of members stays as the server writes it.
    const metadata = { ...cast.metadata, uid: crypto.randomUUID() };
    return { kind, object: { ...cast, metadata } };
  };
}

/** As the server makes it of what a client sends, then of the status that its owner reports. */
export function make(name: string, { metadata, spec = {}, status }: Wanted): Made {
  const kind = kindOf(name);
  const sent = { apiVersion: apiVersionOf(kind), kind: name, metadata, spec } as ApiObject;
  const born = newObject(kind, sent, { uid: crypto.randomUUID(), now, suffix: "" });
  const object = track(kind, { next: born, now, manager: "bench" });
  if (!status) return { kind, object };
  const next = withStatus(kind, object, { ...object, status });
  const told = {
    live: object,
    next,
    now,
    manager: "netloom-agent",
    subresource: "status",
  } as const;
  return { kind, object: track(kind, told) };
}
