/** DHCP leases, and what plugin and daemon tell each other about them. */
import type { Attachment, PortIp, PortRoute } from "./port.ts";

export type DhcpFamily = 4 | 6;

/** What a server gave, whatever the protocol. JSON as it is. */
export interface DhcpLease {
  readonly family: DhcpFamily;
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
  readonly dns: {
    readonly nameservers?: readonly string[];
    readonly domain?: string;
    readonly search?: readonly string[];
  };
  /** Bytes. */
  readonly mtu?: number;
  /** The server's address or identifier, for people. */
  readonly server: string;
  readonly times: LeaseTimes;
}

/** Milliseconds since boot, suspension included; null is never. Rising in this order. */
export interface LeaseTimes {
  readonly startedAt: number;
  readonly renewAt: number | null;
  readonly rebindAt: number | null;
  readonly expiresAt: number | null;
}

/** An option by number and its value in hexadecimal digits. */
export interface DhcpOption {
  readonly code: number;
  readonly value: string;
}

/** What a client asks and tells a server. */
export interface DhcpWishes {
  /** Numbers of the options that the server shall send. */
  readonly request: readonly number[];
  readonly provide: readonly DhcpOption[];
}

/** How hard a client looks whether another host has the address that it was given. */
export type ConflictDetection = "fast" | "rfc5227" | "off";

export interface FamilyWishes extends DhcpWishes {
  readonly conflictDetection: ConflictDetection;
}

/** What the plugin asks the daemon to hold for an attachment: one lease a family. */
export interface LeaseOrder {
  /** In hexadecimal digits: the value of DHCPv4's option 61, and the seed of DHCPv6's DUID. */
  readonly clientId: string;
  readonly v4?: FamilyWishes;
  readonly v6?: FamilyWishes;
}

/** An attachment on one network. */
export interface LeaseHolder extends Attachment {
  readonly network: string;
}

/** A call of the daemon: one line of JSON on its socket, answered by one line. */
export type DhcpCall =
  | {
      readonly verb: "acquire";
      readonly holder: LeaseHolder;
      /** Path of the container's namespace, which has a link named as `holder.ifName`. */
      readonly netns: string;
      readonly order: LeaseOrder;
      /** Addresses that the container has by an earlier lease: the server is asked to confirm. */
      readonly keep?: readonly string[];
    }
  | { readonly verb: "release"; readonly holder: LeaseHolder }
  /** Ends an acquire of the holder that is under way; leases that it has stay. */
  | { readonly verb: "giveUp"; readonly holder: LeaseHolder }
  | { readonly verb: "collect"; readonly network: string; readonly valid: readonly Attachment[] }
  | { readonly verb: "list" }
  | { readonly verb: "status" };

/** The daemon's answer. */
export type DhcpAnswer =
  | { readonly ok: true; readonly leases: readonly HeldLease[] }
  | { readonly ok: false; readonly error: { readonly name: string; readonly message: string } };

/** A lease and who holds it. */
export interface HeldLease {
  readonly holder: LeaseHolder;
  readonly lease: DhcpLease;
}
