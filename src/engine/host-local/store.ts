/** The reservations of one network, in the reference's directory format. */

import type { StorePlace } from "../../ipam/host-local-config.ts";
import { capacity, formatRangeSet, type RangeSet } from "../../ipam/range-set.ts";
import { existsSync, mkdirSync, removeSync } from "../../kernel/sys/files.ts";
import type { Begun } from "../../lib/begun.ts";
import { formatIp, type Ip } from "../../lib/ip.ts";
import { parentOf } from "../../lib/path.ts";
import { formatPrefix, prefixOf } from "../../lib/prefix.ts";
import { ConfigError } from "../../model/config-error.ts";
import type { Attachment } from "../../model/port.ts";
import type { Paths } from "../paths.ts";
import { removeIndex } from "./address-index.ts";
import { beginSync } from "./durable.ts";
import { attempt } from "./error.ts";
import { withLock } from "./lock.ts";
import { held, removeAll, unowned } from "./release.ts";
import { type Reservation, ReservationDirectory } from "./reservation-directory.ts";
import { type ReserveRequest, reserveAll, used } from "./reserve.ts";
import { inSession, type StoreFiles } from "./session.ts";

/** An address that was given. */
export interface Reserved {
  /** With its subnet's prefix length: `10.1.0.5/24`. */
  readonly address: string;
  readonly gateway: string;
}

/** How full a range set is. */
export interface RangeSetUse {
  readonly ranges: string;
  readonly size: bigint;
  readonly used: bigint;
}

export interface StoreOptions extends StorePlace, Paths {
  /** For tests: the boot's moment in milliseconds since 1970. */
  readonly bootTimeMs?: number;
}

/** The store of a network. Makes nothing on disk until the first `reserve`. Throws ConfigError. */
export function openStore(options: StoreOptions): HostLocalStore {
  const { network } = options;
  if (network === "" || network === "." || network === ".." || network.includes("/")) {
    throw new ConfigError("name", `"${network}" cannot name a directory of reservations`);
  }
  return new HostLocalStore(`${absolute(options.dataDir)}/${network}`, options);
}

/** The same text for one folder, in whatever way it is written. */
function absolute(folder: string): string {
  const isPlain = folder.startsWith("/") && !folder.endsWith("/") && !/\/[/.]/.test(folder);
  if (isPlain) return folder;
  return process.getBuiltinModule("node:path").resolve(folder);
}

/** Every method may throw StoreError. */
export class HostLocalStore {
  readonly #files: StoreFiles;
  #reserved: readonly string[] = [];

  /** `path` is the directory of reservations. */
  constructor(path: string, options: Paths & { readonly bootTimeMs?: number }) {
    const key = new Bun.CryptoHasher("sha256").update(path).digest("hex").slice(0, 16);
    this.#files = {
      directory: new ReservationDirectory(path),
      index: `${options.stateDir}/ipam/${key}`,
      marker: `${options.runDir}/ipam/${key}`,
      runDir: options.runDir,
      bootTimeMs: options.bootTimeMs,
    };
  }

  /**
   * Gives one address from each range set, all or none. Throws ConflictError if the attachment has
   * addresses already or a requested one is taken, and ExhaustedError.
   */
  reserve(request: ReserveRequest): Reserved[] {
    const { directory } = this.#files;
    const made = this.#makeDirectory();
    const given = inSession(this.#files, { mustMark: true }, (session) =>
      reserveAll(session, request),
    );
    this.#reserved = [...given.map(({ ip }) => directory.file(ip)), directory.path, ...made];
    return given.map(({ ip, range }) => ({
      address: formatPrefix(prefixOf(ip, range.subnet.length)),
      gateway: formatIp(range.gateway),
    }));
  }

  /** Begins to make what was reserved last survive a crash of the host. */
  durable(): Begun {
    return beginSync(this.#reserved);
  }

  /** Frees what the attachment holds, and gives it. Nothing held is fine. */
  release(attachment: Attachment): Ip[] {
    if (!this.#exists) return [];
    return inSession(this.#files, { mustMark: false }, (session) =>
      removeAll(session, held(session, attachment)).map(({ ip }) => ip),
    );
  }

  /** What the attachment holds. */
  find(attachment: Attachment): Ip[] {
    if (!this.#exists) return [];
    return inSession(this.#files, { mustMark: false }, (session) =>
      held(session, attachment).map(({ ip }) => ip),
    );
  }

  /**
   * Frees everything that none of the valid attachments holds, and gives it. With no valid
   * attachment all goes that the store ever made.
   */
  gc(valid: readonly Attachment[]): Reservation[] {
    if (!this.#exists) return [];
    const freed = inSession(this.#files, { mustMark: false }, (session) =>
      removeAll(session, unowned(session.directory.reservations(), valid)),
    );
    if (valid.length === 0) this.clear();
    return freed;
  }

  /** Removes directory, index and marker if no reservation is left. Whether they are gone. */
  clear(): boolean {
    const { directory, index, marker } = this.#files;
    if (this.#exists) {
      withLock(directory.path, () => {
        directory.sweep();
        directory.removeIfEmpty();
      });
    }
    if (this.#exists) return false;
    removeIndex(index);
    attempt(`remove "${marker}"`, () => removeSync(marker));
    return true;
  }

  /** How full each range set is. */
  status(rangeSets: readonly RangeSet[]): RangeSetUse[] {
    const taken = this.#files.directory.addresses();
    return rangeSets.map((set) => ({
      ranges: formatRangeSet(set),
      size: capacity(set, rangeSets),
      used: used(set, { taken, rangeSets }),
    }));
  }

  get #exists(): boolean {
    return existsSync(this.#files.directory.path);
  }

  /** Gives the directories whose entries are new and must be made durable too. */
  #makeDirectory(): string[] {
    const { path } = this.#files.directory;
    if (this.#exists) return [];
    const make = () => mkdirSync(path, 0o755);
    const first = attempt(`make "${path}"`, make);
    const parents: string[] = [];
    for (let at = path; first && at.length >= first.length; at = parentOf(at)) {
      parents.push(parentOf(at));
    }
    return parents;
  }
}
