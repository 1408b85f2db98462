/** What a network type is to the rest of Netloom. */
import type {
  AddressObject,
  ChildLink,
  HostedDevice,
  KernelObject,
  LinkPlace,
} from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import type { HostDeviceConfig } from "./host-device-config.ts";

/** A link that another program made, as it is. */
export interface LinkFacts {
  readonly index: number;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  /** `veth`, `bridge`, `macvlan` …; absent on hardware. */
  readonly kind?: string;
  /** Name of the master. */
  readonly master?: string;
  readonly promisc?: boolean;
  readonly allmulti?: boolean;
  /** Packets. */
  readonly txQueueLength?: number;
  /** This instance made it, for attachments to share. */
  readonly isOurs?: boolean;
  /** Of a bridge's port: it sends frames back where they came from. */
  readonly hairpin?: boolean;
}

/** One of the host's links, as far as it tells whether it is meant. */
export interface HostLink {
  readonly name: string;
  /** Empty on links without hardware addresses. */
  readonly mac: string;
  /** With prefix lengths, but those that the kernel made by itself. */
  readonly addresses: readonly string[];
  /** Name of the master. */
  readonly master?: string;
  /** It stands on another link, and may have that one's hardware address. */
  readonly isStacked: boolean;
  /** Some instance of ours made it. */
  readonly isOurs: boolean;
}

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
  /** SHA-512 as lower-case hexadecimal digits: the reference plugins make names of it. */
  readonly sha512: (text: string) => string;
  /** Of these families, those whose forwarded packets another firewall may drop. */
  readonly foreignForward: (families: readonly (4 | 6)[]) => readonly (4 | 6)[];
  /** The link as it is; undefined without one. */
  readonly link: (place: LinkPlace) => LinkFacts | undefined;
  /** One of the host's devices; of one that the attachment has taken already, as it was. */
  readonly device: (config: HostDeviceConfig, id: string) => HostedDevice | "in user space";
  /** The VRFs of a namespace. */
  readonly vrfs: (netns: string) => readonly { readonly name: string; readonly table: number }[];
  /** Whose objects they will be: `cni` in process, an agent's own name otherwise. */
  readonly instance: string;
  /** What is written on links that attachments share. */
  readonly sharedAlias: string;
  /** Tables of a namespace that routes stand in, or that rules lead to. */
  readonly tablesInUse: (netns: string) => ReadonlySet<number>;
  /** A value below /proc/sys as it is in a namespace; undefined if this kernel has none. */
  readonly sysctl: (netns: string, path: string) => string | undefined;
  /** The administrator's list of sysctls that users may set; undefined: all of the network's. */
  readonly sysctlAllowlist: () => string | undefined;
  /** All links of a namespace but the loopback. */
  readonly links: (netns: string) => readonly HostLink[];
  /** Name of the link that the namespace's default route uses, IPv4's first. */
  readonly defaultLink: (netns: string) => string | undefined;
  /** The link's addresses with prefix lengths, but those that the kernel made by itself. */
  readonly addresses: (place: LinkPlace) => readonly string[];
  /** The link of the trunk in this VLAN that is in the trunk's own namespace. */
  readonly vlanLink: (
    trunk: LinkPlace,
    id: number,
  ) => { readonly name: string; readonly isOurs: boolean } | undefined;
  /** How many unicast hardware addresses the link hears beside its own: its children's. */
  readonly otherMacs: (place: LinkPlace) => number;
  /** A link of some attachment's on this parent, there now, of which the condition holds. */
  readonly findChild: (
    parent: LinkPlace,
    condition: (link: ChildLink) => boolean,
  ) => ChildLink | undefined;
}

/** A link that the result names, in the order of CNI's `interfaces`. */
export type ResultLink = LinkPlace;

/** A network type. Pure: a driver says what should exist, never makes it so. */
export interface Driver<Config = unknown> {
  readonly networkType: string;
  /** Where this type's traffic can be filtered. */
  readonly enforcement: "inet" | "bridge" | "netns";
  /** Without IPAM a port has the addresses and routes of `prevResult`. */
  readonly inheritsAddresses?: true;
  /** Checks user input. Throws ConfigError naming the JSON path. */
  parse(input: Readonly<Record<string, unknown>>): Config;
  /** The port with what IPAM left open: gateways and default routes. Throws ConfigError. */
  complete(port: Port, config: Config): Port;
  /** What the network needs on this host, shared by its ports. Equal inputs give equal output. */
  network(config: Config, name: string, host: HostFacts): KernelObject[];
  /** What one completed port needs on this host. Equal inputs give equal output. */
  port(port: Port, config: Config, host: HostFacts): KernelObject[];
  /** The port's links as the result lists them; the last not of the host is the container's. */
  links(port: Port, config: Config): readonly ResultLink[];
  /** The host's link on which the container's addresses are reached; undefined without one. */
  gatewayLink(port: Port, config: Config): string | undefined;
  /** What the operator should know of the port, though it is made. */
  warnings?(port: Port, config: Config, host: HostFacts): readonly string[];
  /** The hardware address that the configuration asks for; the runtime's wish counts more. */
  mac?(config: Config): string | undefined;
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
