/** What is changed of links that exist, and of how their packets are routed: kernel objects. */
import type { Placed } from "./kernel-object.ts";

/** Settings of a link, of whatever kind. Absent fields stay as they are. */
export interface LinkSettings {
  /** Lower case, colon separated. */
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly promisc?: boolean;
  readonly allmulti?: boolean;
  /** Packets. */
  readonly txQueueLength?: number;
  /** Of a bridge's port. */
  readonly hairpin?: boolean;
  /** Name of the link that it is enslaved to; "": of none. */
  readonly master?: string;
}

/** What is changed on a link that another made, or that the same attachment makes. */
export interface LinkSettingsObject extends Placed {
  readonly kind: "link-settings";
  readonly link: string;
  readonly settings: LinkSettings;
  /** What `settings` names, as it was; written back when the object is deleted. */
  readonly before?: LinkSettings;
}

/** A policy routing rule: packets from one address look into a table of their own. */
export interface RuleObject extends Placed {
  readonly kind: "rule";
  /** With prefix length: `10.1.0.5/32`. */
  readonly src: string;
  readonly table: number;
  /** Absent: the kernel chooses, before the rules that are there. */
  readonly priority?: number;
}

/** A device as it was on the host. */
export interface HostedDevice {
  readonly name: string;
  readonly index: number;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  readonly promisc: boolean;
  readonly alias?: string;
  readonly master?: string;
  /** Addresses, routes, neighbours and rules, as the kernel listed them: for the engine alone. */
  readonly carried: unknown;
}

/** A device of the host's in a container, given back when the object is deleted. */
export interface DeviceObject extends Placed {
  readonly kind: "device";
  /** Its name in the container. */
  readonly name: string;
  readonly up: boolean;
  readonly device: HostedDevice;
}

/** A link's place in a VRF of its namespace. */
export interface VrfPortObject extends Placed {
  readonly kind: "vrf-port";
  readonly link: string;
  /** The VRF's name. */
  readonly vrf: string;
}
