/** What a host must know of other hosts, by its networks and its ports on them. Pure. */
import type { IPBlock, Network, Port, Subnet } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject } from "../../api/object.ts";
import {
  bgpNeighborOf,
  blockRouteOf,
  claimedEndpointOf,
  endpointOf,
  peerOf,
} from "../objects/elsewhere.ts";
import { topicsElsewhere } from "../objects/topics.ts";

/** Objects that are told of a host as long as it follows their topic. */
export interface Part {
  /** Of what it is made. */
  readonly plural: "hosts" | "ports" | "ipblocks";
  /** By whose referrers they are found; absent: all of the kind. */
  readonly of?: { readonly plural: "networks" | "subnets"; readonly name: string };
  /** What is told of an object, to whichever host; undefined: nothing. */
  derive(object: ApiObject): ApiObject | undefined;
}

/** By topic. */
export type Parts = ReadonlyMap<string, Part>;

const peers: Part = { plural: "hosts", derive: (host) => peerOf(host as never) };
const neighbors: Part = { plural: "hosts", derive: (host) => bgpNeighborOf(host as never) };

export class Reach {
  /** Type of each network that the host knows, where it spans hosts. */
  readonly #networks = new Map<string, "overlay" | "routed">();
  /** Those with backend bgp. */
  readonly #bgp = new Set<string>();
  /** Keys of the host's own ports, by network. */
  readonly #ports = new Map<string, Set<string>>();
  /** Network of each subnet that the host knows. */
  readonly #subnets = new Map<string, string>();
  #parts: Parts | undefined = new Map();

  /** The same map as long as nothing of it changes. */
  get parts(): Parts {
    this.#parts ??= this.#build();
    return this.#parts;
  }

  /** Whether the host speaks BGP. */
  get hasBgp(): boolean {
    return this.#bgp.size > 0;
  }

  /** The host knows the object now, or does not any more. */
  note(plural: string, object: ApiObject, isKnown: boolean): void {
    this.#notes[plural]?.(object as never, isKnown);
  }

  readonly #notes: Readonly<Record<string, (object: never, isKnown: boolean) => void>> = {
    networks: ({ metadata, spec: { type, backend } }: Network, isKnown) => {
      const had = this.hasBgp;
      if (isKnown && type === "routed" && backend === "bgp") this.#bgp.add(nameOf(metadata));
      else this.#bgp.delete(nameOf(metadata));
      if (had !== this.hasBgp) this.#parts = undefined;
      const spans = type === "overlay" || type === "routed";
      this.#set(this.#networks, nameOf(metadata), isKnown && spans ? type : undefined);
    },
    subnets: ({ metadata, spec }: Subnet, isKnown) => {
      const network = `${metadata.namespace}/${spec.network}`;
      this.#set(this.#subnets, nameOf(metadata), isKnown ? network : undefined);
    },
    ports: ({ metadata, spec }: Port, isKnown) => {
      const network = nameOf(networkOfPort(spec, metadata.namespace ?? ""));
      const own = this.#ports.get(network) ?? new Set();
      const had = own.size > 0;
      if (isKnown) own.add(nameOf(metadata));
      else own.delete(nameOf(metadata));
      if (own.size > 0) this.#ports.set(network, own);
      else this.#ports.delete(network);
      if (had !== own.size > 0) this.#parts = undefined;
    },
  };

  #set<V>(map: Map<string, V>, name: string, value: V | undefined): void {
    if (map.get(name) === value) return;
    if (value === undefined) map.delete(name);
    else map.set(name, value);
    this.#parts = undefined;
  }

  #build(): Parts {
    const parts = new Map<string, Part>();
    if (this.#networks.size > 0) parts.set(topicsElsewhere.peers, peers);
    if (this.hasBgp) parts.set(topicsElsewhere.bgpNeighbors, neighbors);
    for (const [name, type] of this.#networks) {
      const of = { plural: "networks", name } as const;
      if (type === "routed") {
        const derive = (port: ApiObject) => claimedEndpointOf(port as Port);
        parts.set(topicsElsewhere.claimed(name), { plural: "ports", of, derive });
      } else if (this.#ports.has(name)) {
        const derive = (port: ApiObject) => endpointOf(port as Port);
        parts.set(topicsElsewhere.endpoints(name), { plural: "ports", of, derive });
      }
    }
    for (const [name, network] of this.#subnets) {
      if (this.#networks.get(network) !== "routed") continue;
      const of = { plural: "subnets", name } as const;
      const derive = (block: ApiObject) => blockRouteOf(block as IPBlock, network);
      parts.set(topicsElsewhere.blocks(name), { plural: "ipblocks", of, derive });
    }
    return parts;
  }
}

const nameOf = ({ namespace, name }: { readonly namespace?: string; readonly name: string }) =>
  `${namespace}/${name}`;
