/** What the parts of an agent work with. */
import type { Port, Subnet } from "../api/kinds/index.ts";
import type { ResidentEngine } from "../engine/resident.ts";
import type { Log } from "../lib/log.ts";
import type { Addresses } from "./addresses/addresses.ts";
import type { Aside } from "./aside.ts";
import type { Followed } from "./followed.ts";
import type { Overlays } from "./overlay/overlays.ts";
import type { Patience } from "./patience.ts";
import type { PortRecord, PortRecords } from "./port-records.ts";
import type { KeyedQueue } from "./queue.ts";
import type { Serving } from "./serving.ts";
import type { SilentHosts } from "./silent-hosts.ts";
import type { NodeSpec } from "./spec/node-spec.ts";
import type { Name } from "./target.ts";
import type { HostTunnel } from "./wireguard/host-tunnel.ts";

export interface Agent {
  /** This host's name in the API. */
  readonly host: string;
  readonly serving: Serving;
  /** The host's own; attachments to overlays are in another's. */
  readonly engine: ResidentEngine;
  readonly overlays: Overlays;
  readonly tunnel: HostTunnel;
  readonly log: Log;
  readonly spec: NodeSpec;
  readonly records: PortRecords;
  readonly addresses: Addresses;
  /** By attachment. */
  readonly queue: KeyedQueue;
  /** The loop's work that has to wait. */
  readonly aside: Aside;
  readonly followed: Followed;
  readonly silent: SilentHosts;
  /** By attachment: what of it can't be put back, as far as is known. */
  readonly faults: Map<string, string>;
  readonly control: ControlPlane;
  /** That of whoever waits for what is done. */
  readonly patience: Patience;
  readonly ports: PortObjects;
  /** There is something to tell the API. */
  readonly changed: () => void;
}

/** Of which subnet an address is wanted, and for which port, if the API knows of it. */
export interface Asked<T> {
  readonly subnet: Subnet;
  readonly port: Name;
  /** A block would do as well as a single address. */
  readonly isBlockWanted: boolean;
  readonly patienceMs: number;
  /** Looks whether it has come, after each change of the spec. Throws what ends the wait. */
  readonly found: () => T | undefined;
}

/** What an agent asks of the control plane in the middle of a call. */
export interface ControlPlane {
  /** Whether a server is heard. */
  readonly isReached: boolean;
  /** Waits until the node spec is so. False: it was not in time. Throws what the condition does. */
  waitFor(condition: () => boolean, patienceMs: number): Promise<boolean>;
  /** A port that may not be of this host yet. Throws CniError 11 where nobody can tell. */
  findPort(name: Name, patienceMs: number): Promise<Port | undefined>;
  /** Asks for what an address can come from, and waits for it. Undefined: none came in time. */
  ask<T>(asked: Asked<T>): Promise<T | undefined>;
}

/** What is told of ports in the middle of work. */
export interface PortObjects {
  /**
   * Gives the record as it is then. Throws CniError where the API refuses the port; without a
   * server it is made later.
   */
  declare(record: PortRecord, patienceMs: number): Promise<PortRecord>;
  /**
   * Notes in the API that this host has the port, before what the control plane holds for it is
   * used. Gives the record as it is then. Throws CniError, 11 where the API does not confirm it.
   */
  bind(record: PortRecord, patienceMs: number): Promise<PortRecord>;
  /** Tells why a declared port is not made. Never throws. */
  fail(port: Port, message: string): Promise<void>;
}
