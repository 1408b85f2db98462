/** What may be added to an attachment that any plugin made: published ports, limits, sysctls. */
import type { KernelObject, LinkRoute } from "../model/kernel-object.ts";
import type { Attachment, PortIp, PortRoute } from "../model/port.ts";
import type { HostFacts, LinkFacts } from "./driver.ts";

/** An attachment that exists, or is being made in the same run. */
export interface AttachedPort extends Attachment {
  /** 16 hex digits, from container ID and link name. */
  readonly id: string;
  readonly network: string;
  /** Path of the container's namespace. */
  readonly netns: string;
  /** Written on what we make: `netloom:<instance>:<id>`. */
  readonly alias: string;
  /** The container's addresses and routes. */
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
  /** Routes of the main table over the container's link, the kernel's own among them. */
  readonly linkRoutes?: readonly LinkRoute[];
  /** The container's link as it is; absent while it is being made. */
  readonly link?: LinkFacts;
  /** The host's end of the container's link; absent where it has none (macvlan). */
  readonly hostLink?: string;
  /** MTU in bytes of `hostLink`. */
  readonly hostMtu?: number;
  /** The bridge that `hostLink` is a port of. */
  readonly bridge?: string;
  /** Links on the host over which the container's address of a family is reached. */
  readonly via: Readonly<{ 4?: string; 6?: string }>;
}

/** What CNI_ARGS holds, by key. */
export type CniArgValues = ReadonlyMap<string, string>;

/** A chained plugin as data: it says what should exist, never makes it so. */
export interface Extra<Config = unknown> {
  /** The plugin's type, and the key of its options in the type `netloom`. */
  readonly name: string;
  /** Keys that its options may have; in the type `netloom` another is refused. */
  readonly keys: readonly string[];
  /** Fields whose value is an object that may have each key only once. */
  readonly distinct?: readonly string[];
  /** Checks user input, `runtimeConfig` among it. Undefined: nothing is asked for. */
  parse(raw: Readonly<Record<string, unknown>>, args?: CniArgValues): Config | undefined;
  /** What the port needs beside what it has. Equal inputs give equal output. Throws ConfigError. */
  objects(port: AttachedPort, config: Config, facts: HostFacts): readonly KernelObject[];
}
