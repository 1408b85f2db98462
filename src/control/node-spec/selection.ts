/** Which objects a host must know. Pure. */

import { labelsOfHost } from "../../api/kinds/host.ts";
import type {
  BGPPeer,
  Host,
  IPBlock,
  IPPool,
  Network,
  Port,
  Subnet,
} from "../../api/kinds/index.ts";
import { objectKey } from "../../api/node-spec.ts";
import type { ApiObject } from "../../api/object.ts";
import { selects } from "../../api/selectors.ts";
import { Reach } from "./reach.ts";

/** What stands on a network, or on what does. */
/** Of these a host that speaks no BGP knows none. */
export const ofBgp = ["bgpconfigurations", "bgppeers"];
export const ofNetworks = ["networks", "subnets", "ippools", ...ofBgp];
/** Every host knows all of these: ports' pools are chosen by their labels. */
const ofAll = ["namespaces", "tenants"];
export const isOfNetworks = (plural: string): boolean => ofNetworks.includes(plural);
/** Of these a host knows its own. */
const ofHosts = ["ipblocks", "ports", "hosts"];
export const isOfHosts = (plural: string): boolean => ofHosts.includes(plural);
/** In an order in which nothing comes before what it stands on. */
export const plurals = [...ofAll, ...ofNetworks, ...ofHosts];

/** What a host was told of networks: by key, the key of what it stands on. */
export class NodeSelection {
  readonly host: string;
  /** What of other hosts it must know. */
  readonly reach = new Reach();
  #labels: Readonly<Record<string, string>> = {};
  /** Keys of networks and subnets that the host knows. */
  readonly #known = new Set<string>();

  constructor(host: string) {
    this.host = host;
  }

  /** The host's object changes whose networks are its own. Gives whether they may be others now. */
  take(host: ApiObject | undefined): boolean {
    const labels = labelsOfHost(this.host, host?.metadata.labels);
    if (JSON.stringify(labels) === JSON.stringify(this.#labels)) return false;
    this.#labels = labels;
    return true;
  }

  /** Whether the host must know the object, by what it was told before. */
  wants(plural: string, object: ApiObject): boolean {
    if (ofAll.includes(plural)) return true;
    return this.#wants[plural]?.(object as never) ?? false;
  }

  /** Whether the host may know any of the kind, or did: others need not be read. */
  mayKnow(plural: string): boolean {
    if (!ofBgp.includes(plural) || this.reach.hasBgp) return true;
    return [...this.#known].some((key) => key.startsWith(`${plural}/`));
  }

  /** The host knows the object now, or does not any more. */
  note(plural: string, object: ApiObject, isKnown: boolean): void {
    this.reach.note(plural, object, isKnown);
    if (!isOfNetworks(plural)) return;
    const key = objectKey(plural, object.metadata);
    if (isKnown) this.#known.add(key);
    else this.#known.delete(key);
  }

  knows(plural: string, object: ApiObject): boolean {
    return this.#known.has(objectKey(plural, object.metadata));
  }

  readonly #wants: Readonly<Record<string, (object: never) => boolean>> = {
    networks: ({ spec }: Network) => spec.hosts === undefined || selects(spec.hosts, this.#labels),
    subnets: ({ metadata, spec }: Subnet) =>
      this.#known.has(objectKey("networks", { ...metadata, name: spec.network })),
    ippools: ({ spec }: IPPool) => this.#known.has(`subnets/${spec.subnet}`),
    bgpconfigurations: () => this.reach.hasBgp,
    bgppeers: ({ spec }: BGPPeer) =>
      this.reach.hasBgp && (spec.hosts === undefined || selects(spec.hosts, this.#labels)),
    ports: ({ spec, status }: Port) =>
      spec.host === this.host ||
      (status?.bindings ?? []).some(({ host, active }) => active && host === this.host),
    ipblocks: ({ spec }: IPBlock) => spec.host === this.host,
    hosts: ({ metadata }: Host) => metadata.name === this.host,
  };
}
