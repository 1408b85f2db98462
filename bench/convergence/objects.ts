/** What a thousand hosts have in the store: how they are reached, their blocks, their ports. */
import { emptyAllocation, heartbeat, type Made, make, now } from "../control/objects.ts";

export interface Elsewhere {
  readonly hosts: number;
  /** On the overlay, over all hosts. */
  readonly ports: number;
}

/** The host whose agent is measured. */
export const ownHost = "h1";
/** In it are the addresses of all hosts: plain routes lead over one link only. */
export const underlay = { own: "198.19.255.1", prefixLength: 16 } as const;

/** By name: the networks, and the subnet of each. */
export const networks = {
  wrapped: { spec: { type: "routed", backend: "vxlan" }, first: 80 },
  plain: { spec: { type: "routed", backend: "host-gw" }, first: 84 },
  segment: { spec: { type: "overlay" }, first: 88 },
} as const;
export type NetworkName = keyof typeof networks;

const namespace = "default";
const blocksPerHost = 2;
const blockSize = 26;
export const hostName = (h: number) => `host-${h}`;
export const peerAddress = (h: number) => `198.19.${h >> 7}.${1 + (h & 127)}`;

/** Every object, in an order in which each comes after what it refers to. */
export function* objects({ hosts, ports }: Elsewhere): Generator<Made> {
  yield make("Namespace", { metadata: { name: namespace } });
  for (const [name, { spec, first }] of Object.entries(networks)) {
    const metadata = { name, namespace };
    yield make("Network", { metadata, spec });
    const subnet = { network: name, cidr: `10.${first}.0.0/14`, blockSize };
    yield make("Subnet", { metadata, spec: subnet });
  }
  yield make("Host", { metadata: { name: ownHost }, spec: { addresses: [underlay.own] } });
  for (let h = 0; h < hosts; h++) {
    yield host(h);
    for (const network of Object.keys(networks) as NetworkName[]) {
      for (let b = 0; b < blocksPerHost; b++) yield block(network, h, b);
    }
  }
  for (let p = 0; p < ports; p++) yield port(p, p % hosts, Math.floor(p / hosts));
}

function host(h: number): Made {
  const [address, boot] = [peerAddress(h), `boot-of-${hostName(h)}`];
  const known = [{ address, prefixLength: underlay.prefixLength, mtu: 1500 }];
  const ready = { type: "Ready", status: "True", reason: "Serving", message: "Its agent runs" };
  const conditions = [{ ...ready, lastTransitionTime: now }];
  return make("Host", {
    metadata: { name: hostName(h) },
    status: { addresses: [address], underlay: known, heartbeat, boot, conditions },
  });
}

/** The first address of a host's block. */
function blockStart(network: NetworkName, h: number, b: number): string {
  const number = h * blocksPerHost + b;
  return `10.${networks[network].first + (number >> 10)}.${(number >> 2) & 255}.${(number & 3) * 64}`;
}

export const blockCidr = (network: NetworkName, h: number, b: number): string =>
  `${blockStart(network, h, b)}/${blockSize}`;

function block(network: NetworkName, h: number, b: number): Made {
  const cidr = blockCidr(network, h, b);
  const name = `${namespace}.${network}.${cidr.replace(/[./]/g, "-")}`;
  const parts = { name, namespace, network, cidr, host: hostName(h) };
  const allocation = emptyAllocation(parts);
  const subnet = { namespace, name: network };
  const spec = { subnet, cidr, host: parts.host, lease: allocation.lease };
  return make("IPBlock", { metadata: { name }, spec, status: { allocation } });
}

/** The hardware address of the overlay's port with this number. */
export const macOf = (p: number): string => {
  const digits = p.toString(16).padStart(6, "0");
  return `02:00:5e:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4)}`;
};

/** The `turn`-th of its host. */
function port(p: number, h: number, turn: number): Made {
  const host = hostName(h);
  const start = blockStart("segment", h, turn % blocksPerHost)
    .split(".")
    .map(Number);
  const address = [...start.slice(0, 3), start[3]! + 4 + Math.floor(turn / blocksPerHost)].join(
    ".",
  );
  return make("Port", {
    metadata: { name: `port-${p}`, namespace },
    spec: { network: "segment", host },
    status: {
      ...{ addresses: [{ address, subnet: "segment" }], mac: macOf(p) },
      bindings: [{ host, epoch: 1, active: true }],
    },
  });
}
