/** The words of the CNI specification 1.1.0: versions, verbs, configuration, result. */
import type { PortRoute } from "../model/port.ts";

/** Every version of the specification, oldest first. */
export const specVersions = [
  "0.1.0",
  "0.2.0",
  "0.3.0",
  "0.3.1",
  "0.4.0",
  "1.0.0",
  "1.1.0",
] as const;

export type SpecVersion = (typeof specVersions)[number];

export const latestVersion = "1.1.0" satisfies SpecVersion;

/** What a configuration without `cniVersion` means, as the reference takes it. */
export const versionIfMissing = "0.1.0" satisfies SpecVersion;

export type Verb = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";

/** Settings for the container's resolver. */
export interface Dns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** A link in a result. */
export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Path of the namespace that holds it; absent on the host. */
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
}

/** An address in a result. */
export interface ResultIp {
  /** With prefix length. */
  readonly address: string;
  readonly gateway?: string;
  /** Index into `interfaces`. IPAM plugins leave it out. */
  readonly interface?: number;
}

/** A route in a result. `scope` is 0 global, 253 link, 254 host; `mtu` and `advmss` are bytes. */
export type ResultRoute = PortRoute;

/** What ADD gives, in the shape of 1.1.0. `result.ts` converts to and from older shapes. */
export interface Result {
  readonly interfaces: readonly ResultInterface[];
  readonly ips: readonly ResultIp[];
  readonly routes: readonly ResultRoute[];
  readonly dns: Dns;
}

/** A result that holds nothing. */
export const emptyResult: Result = { interfaces: [], ips: [], routes: [], dns: {} };

/** The fields that every plugin's configuration may have. */
export interface NetConf {
  readonly cniVersion: SpecVersion;
  readonly name: string;
  readonly type: string;
  /** Absent when there is no IPAM: no `ipam`, or one without `type`. */
  readonly ipam?: { readonly type: string };
  readonly dns: Dns;
  /** What the runtime gives for the capabilities that the configuration declares. */
  readonly runtimeConfig: Readonly<Record<string, unknown>>;
  /** `args.cni`. */
  readonly cniArgs: Readonly<Record<string, unknown>>;
  /** `prevResult` as given. */
  readonly prevResult?: unknown;
  /** The whole document, for the plugin's own keys. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** An attachment as GC names it. */
export interface AttachmentId {
  readonly containerId: string;
  readonly ifName: string;
}
