/** What a network type is to the rest of Netloom. */
import type { AddressObject, KernelObject } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";

/** What a driver may know of the host. */
export interface HostFacts {
  /** MTU in bytes of the link that the default route uses; 1500 without one. */
  readonly uplinkMtu: number;
  /** Links whose IPv6 default route came from a router's advertisement. */
  readonly raUplinks: readonly string[];
  /** False where the kernel has no IPv6. */
  readonly ipv6: boolean;
  /** A locally administered hardware address, stable for this seed on this host. */
  readonly macOf: (seed: string) => string;
}

/** A link that the result names, in the order of CNI's `interfaces`. */
export interface ResultLink {
  readonly netns: string;
  readonly name: string;
}

/** A network type. Pure: a driver says what should exist, never makes it so. */
export interface Driver<Config = unknown> {
  readonly networkType: string;
  /** Where this type's traffic can be filtered. */
  readonly enforcement: "inet" | "bridge" | "netns";
  /** Checks user input. Throws ConfigError naming the JSON path. */
  parse(input: Readonly<Record<string, unknown>>): Config;
  /** The port with what IPAM left open: gateways and default routes. Throws ConfigError. */
  complete(port: Port, config: Config): Port;
  /** What the network needs on this host, shared by its ports. Equal inputs give equal output. */
  network(config: Config, name: string, host: HostFacts): KernelObject[];
  /** What one completed port needs on this host. Equal inputs give equal output. */
  port(port: Port, config: Config, host: HostFacts): KernelObject[];
  /** The port's links as the result lists them; the last is the container's. */
  links(port: Port, config: Config): readonly ResultLink[];
  /** The host's link on which the container's addresses are reached. */
  gatewayLink(port: Port, config: Config): string;
  /**
   * Addresses on shared links that must go before `desired` can be: they are returned, or refused
   * with ConfigError where the configuration does not allow that.
   */
  conflicts?(
    config: Config,
    desired: readonly AddressObject[],
    observed: readonly AddressObject[],
  ): readonly AddressObject[];
}
