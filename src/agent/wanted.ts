/** What network, subnets and port ask of an attachment on this host, and a digest of it. */

import type { Network, Port, Subnet } from "../api/kinds/index.ts";
import { sha256 } from "../engine/names.ts";
import { gatewayOf } from "../model/kept-addresses.ts";
import type { AddressWish } from "./addresses/addresses.ts";
import { wishesOf } from "./addresses/agent-ipam.ts";
import { portDns, type SubnetAddress } from "./addresses/layout.ts";
import { cidrsOf, type NetworkConfig, networkConfig } from "./network-config.ts";

/** What an attachment follows from. */
export interface Asked {
  readonly network: Network;
  readonly port: Port | undefined;
  readonly subnets: readonly Subnet[];
}

export interface Wanted extends Asked {
  readonly config: NetworkConfig;
  readonly wishes: readonly AddressWish[];
  /** The port is to be on another host. */
  readonly isElsewhere: boolean;
}

/** Throws ConfigError where an address is asked for that no subnet holds. */
export function wantedOf({ network, port, subnets }: Asked, host: string): Wanted {
  const config = networkConfig(network, port?.spec, cidrsOf(subnets));
  const isElsewhere = (port?.spec.host ?? host) !== host;
  return { network, port, subnets, config, wishes: wishesOf(subnets, port), isElsewhere };
}

/** An attachment of another digest was made of something else. */
export function shapeOf(wanted: Wanted): string {
  const { network, port, subnets, config, wishes, isElsewhere } = wanted;
  const { raw, portMappings } = config;
  const asked = {
    ...{ type: network.spec.type, raw, portMappings, mac: port?.spec.mac, isElsewhere },
    wishes: wishes.map(({ subnet, address }) => [subnet.metadata.name, address]),
    subnets: subnets.map((subnet) => {
      const { cidr, routes, dns } = subnet.spec;
      return [subnet.metadata.name, cidr, gatewayOf(subnet.spec), routes, dns];
    }),
  };
  return sha256(JSON.stringify(asked)).slice(0, 16);
}

/** The runtime was told of DNS once. */
export const dnsDigest = (given: readonly SubnetAddress[]): string =>
  sha256(JSON.stringify(portDns(given))).slice(0, 16);
