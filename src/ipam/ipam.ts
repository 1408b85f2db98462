/** What an IPAM plugin of ours is to those who call it: `host-local`, `static`. */
import type { Begun } from "../lib/begun.ts";
import type { Attachment, PortIp, PortRoute } from "../model/port.ts";
import type { Resolver } from "./parse.ts";

/** What ADD gives: the part of CNI's result that is IPAM's. */
export interface IpamResult {
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
  readonly dns: Resolver;
}

/** What ADD gave, and a way to wait until it survives a crash of the host. */
export interface IpamGiven {
  readonly result: IpamResult;
  /** Sets the disk to work; to be finished before the result is printed. */
  durable(): Begun;
}

/** Directories of this instance of Netloom, as `engine/paths.ts` has them. */
export interface IpamPaths {
  readonly stateDir: string;
  readonly runDir: string;
}

/**
 * All verbs are synchronous. `input` is always the whole network configuration, as the plugin
 * gets it; `cniArgs` is CNI_ARGS in pairs. Errors: ConfigError, ExhaustedError, ConflictError,
 * CheckError, UnavailableError, and failed system calls with `code` and `syscall`.
 */
export interface Ipam<Config, Place> {
  /** The name in `ipam.type`. */
  readonly type: string;
  /** Checks the configuration for ADD, CHECK and STATUS. Throws ConfigError. */
  parse(input: unknown, cniArgs?: ReadonlyMap<string, string>): Config;
  /** Reads what DEL and GC need, forgiving everything else. A `Config` will do as well. */
  parsePlace(input: unknown): Place;
  /** Gives the attachment its addresses, all or none. */
  add(config: Config, attachment: Attachment, paths: IpamPaths): IpamGiven;
  /** Frees them; none is fine. */
  del(place: Place, attachment: Attachment, paths: IpamPaths): void;
  /** Throws CheckError unless the attachment holds what the result of ADD says. */
  check(config: Config, call: IpamCheck, paths: IpamPaths): void;
  /** Frees what none of `valid` holds. Gives those who held it, as far as known. */
  gc(place: Place, valid: readonly Attachment[], paths: IpamPaths): readonly Attachment[];
  /** Throws UnavailableError if ADD could not be served. */
  status(config: Config, paths: IpamPaths): void;
}

/** The attachment that CHECK is about. */
export interface IpamCheck extends Attachment {
  /** `ips` of `prevResult`. */
  readonly result: readonly PortIp[];
}
