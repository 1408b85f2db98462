/** A port: one attachment of a container to a network, as drivers see it. */

/** Who is attached: CNI's pair, unique on a host. */
export interface Attachment {
  readonly containerId: string;
  /** Name of the link inside the container. */
  readonly ifName: string;
}

/** An address that IPAM gave. */
export interface PortIp {
  /** With prefix length: `10.1.0.5/24`. */
  readonly address: string;
  readonly gateway?: string;
}

/** A route that IPAM asks for inside the container. Fields as in CNI's result. */
export interface PortRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

/** Everything that a driver needs to know of one attachment. */
export interface Port extends Attachment {
  /** 16 hex digits, from container ID and link name. */
  readonly id: string;
  /** The network's name. */
  readonly network: string;
  /** Path of the container's namespace. */
  readonly netns: string;
  /** Name of the host's end, where the driver makes one. */
  readonly hostLink: string;
  /** Hardware address of the container's end. */
  readonly mac: string;
  /** Hardware address of the host's end. */
  readonly hostMac: string;
  /** Written on links that we make: `netloom:<instance>:<id>`. */
  readonly alias: string;
  readonly ips: readonly PortIp[];
  /** Prefixes that its addresses are of, where the link has each address alone. */
  readonly subnets?: readonly string[];
  readonly routes: readonly PortRoute[];
  /** Its addresses come once its link is up: nothing may be concluded from their absence. */
  readonly awaitsAddresses?: boolean;
}

/** The scope of an attachment's exclusive objects. */
export function attachmentScope(id: string): string {
  return `att:${id}`;
}

/** The scope of what a network's ports share. */
export function networkScope(network: string): string {
  return `net:${network}`;
}
