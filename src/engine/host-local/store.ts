/** Reserves and releases addresses in the reference's directory format. */
import { closeSync, constants, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConflictError, ExhaustedError } from "../../ipam/errors.ts";
import type { StorePlace } from "../../ipam/host-local-config.ts";
import { type Pick, pickAddress } from "../../ipam/pick.ts";
import {
  capacity,
  formatRangeSet,
  isGateway,
  type RangeSet,
  rangeFor,
} from "../../ipam/range-set.ts";
import { formatIp, type Ip } from "../../lib/ip.ts";
import { formatPrefix, prefixOf } from "../../lib/prefix.ts";
import { ConfigError } from "../../model/config-error.ts";
import type { Attachment } from "../../model/port.ts";
import type { Paths } from "../paths.ts";
import { AddressIndex, type IndexKey, removeIndex } from "./address-index.ts";
import { bootTimeMs, readBootMarker, writeBootMarker } from "./boot.ts";
import { startSync } from "./durable.ts";
import { attempt } from "./error.ts";
import { CorruptPageError } from "./hash-pages.ts";
import { withLock } from "./lock.ts";
import { type Owner, type Reservation, ReservationDirectory } from "./reservation-directory.ts";

/** An address that was given. */
export interface Reserved {
  /** With its subnet's prefix length: `10.1.0.5/24`. */
  readonly address: string;
  readonly gateway: string;
}

export interface ReserveRequest extends Attachment {
  readonly rangeSets: readonly RangeSet[];
  /** For each range set the address it must give, or undefined. */
  readonly requested?: readonly (Ip | undefined)[];
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

/** The index says what the directory does not. */
class StaleIndexError extends Error {
  override readonly name = "StaleIndexError";
}

/** The reservations of one network. Makes nothing on disk until the first `reserve`. */
export function openStore(options: StoreOptions): HostLocalStore {
  const { network } = options;
  if (network === "" || network === "." || network === ".." || network.includes("/")) {
    throw new ConfigError("name", `"${network}" cannot name a directory of reservations`);
  }
  return new HostLocalStore(options);
}

export class HostLocalStore {
  readonly #directory: ReservationDirectory;
  readonly #indexFile: string;
  readonly #marker: string;
  readonly #options: StoreOptions;
  #sync: () => Promise<void> = () => Promise.resolve();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#directory = new ReservationDirectory(resolve(options.dataDir, options.network));
    const key = new Bun.CryptoHasher("sha256").update(this.#directory.path).digest("hex");
    this.#indexFile = `${options.stateDir}/ipam/${key.slice(0, 16)}`;
    this.#marker = `${options.runDir}/ipam/${key.slice(0, 16)}`;
  }

  /**
   * Gives one address from each range set, all or none. Throws ConflictError if the attachment has
   * addresses already or a requested one is taken, ExhaustedError, StoreError.
   */
  reserve(request: ReserveRequest): Reserved[] {
    const made = this.#makeDirectory();
    const given = this.#locked(true, (index) => this.#reserveAll(request, index));
    const files = given.map(({ ip }) => this.#directory.file(ip));
    let synced: Promise<void> | undefined;
    this.#sync = () => (synced ??= startSync([...files, this.#directory.path, ...made]));
    return given.map(({ ip, range }) => ({
      address: formatPrefix(prefixOf(ip, range.subnet.length)),
      gateway: formatIp(range.gateway),
    }));
  }

  /**
   * Begins to make what was reserved survive a crash of the host; settles once it does. Rejects
   * with StoreError.
   */
  durable(): Promise<void> {
    return this.#sync();
  }

  /** Frees what the attachment holds, and gives it. Nothing held is fine. Throws StoreError. */
  release(attachment: Attachment): Ip[] {
    if (!this.#exists) return [];
    return this.#locked(false, (index) => {
      return this.#removeAll(this.#held(index, attachment), index);
    });
  }

  /** What the attachment holds. Throws StoreError. */
  find(attachment: Attachment): Ip[] {
    if (!this.#exists) return [];
    return this.#locked(false, (index) => this.#held(index, attachment).map(({ ip }) => ip));
  }

  /**
   * Frees everything that none of the valid attachments holds, and gives it. A record without
   * link name is kept for any attachment of its container; one that names nobody goes. With no
   * valid attachment all goes that the store ever made.
   */
  gc(valid: readonly Attachment[]): Ip[] {
    if (!this.#exists) return [];
    const freed = this.#locked(false, (index) => {
      const gone = this.#directory.reservations().filter(({ owner }) => !isValid(owner, valid));
      return this.#removeAll(gone, index);
    });
    if (valid.length === 0) this.clear();
    return freed;
  }

  /** Who has addresses here; an old record without link name gives an empty one. */
  holders(): Attachment[] {
    if (!this.#exists) return [];
    const owners = this.#directory.reservations().flatMap(({ owner }) => owner ?? []);
    return owners.map(({ containerId, ifName = "" }) => ({ containerId, ifName }));
  }

  /** Removes directory, index and marker if no reservation is left; else nothing. */
  clear(): void {
    if (!this.#exists) return;
    withLock(this.#directory.path, () => {
      this.#directory.sweep();
      this.#directory.removeIfEmpty();
      if (this.#exists) return;
      removeIndex(this.#indexFile);
      attempt(`remove "${this.#marker}"`, () => rmSync(this.#marker, { force: true }));
    });
  }

  /** How full each range set is. */
  status(rangeSets: readonly RangeSet[]): RangeSetUse[] {
    const taken = this.#directory.addresses();
    return rangeSets.map((set) => ({
      ranges: formatRangeSet(set),
      size: capacity(set, rangeSets),
      used: used(set, { taken, rangeSets }),
    }));
  }

  get #exists(): boolean {
    return existsSync(this.#directory.path);
  }

  /** Gives the directories whose entries are new and must be made durable too. */
  #makeDirectory(): string[] {
    const { path } = this.#directory;
    if (this.#exists) return [];
    const first = attempt(`make "${path}"`, () =>
      mkdirSync(path, { recursive: true, mode: 0o755 }),
    );
    const parents: string[] = [];
    for (let at = path; first && at.length >= first.length; at = dirname(at)) {
      parents.push(dirname(at));
    }
    return parents;
  }

  /**
   * Runs `work` on an index that is true of the directory, under the lock. An index that proves
   * wrong is built anew and the work done again, so `work` undoes what it did when it throws.
   */
  #locked<T>(mustMark: boolean, work: (index: AddressIndex) => T): T {
    return withLock(this.#directory.path, () => {
      this.#directory.sweep();
      const directoryFd = openSync(this.#directory.path, constants.O_RDONLY);
      try {
        const token = this.#token(mustMark);
        const key = token === undefined ? undefined : { file: this.#indexFile, directoryFd, token };
        return this.#withIndex(key, work);
      } finally {
        closeSync(directoryFd);
      }
    });
  }

  #withIndex<T>(key: IndexKey | undefined, work: (index: AddressIndex) => T): T {
    const saved = key && AddressIndex.open(key);
    try {
      if (saved) return saving(saved, work, key);
    } catch (error) {
      if (!provesStale(error)) throw error;
    } finally {
      saved?.close();
    }
    return saving(AddressIndex.build(this.#directory.reservations()), work, key);
  }

  /**
   * The token of this boot. At the first use since boot, reservations older than the boot are
   * freed: their containers cannot have survived. Without it no index is read or written.
   */
  #token(mustMark: boolean): string | undefined {
    try {
      const token = readBootMarker(this.#marker);
      if (token !== undefined) return token;
      const boot = this.#options.bootTimeMs ?? bootTimeMs(this.#options.runDir);
      for (const ip of this.#directory.addresses()) {
        const written = this.#directory.writtenAt(ip);
        if (written !== undefined && written < boot) this.#directory.remove(ip);
      }
      return writeBootMarker(this.#marker);
    } catch (error) {
      if (mustMark) throw error;
      return undefined;
    }
  }

  /** What the attachment holds; if nothing, what its container holds by an old record. */
  #held(index: AddressIndex, { containerId, ifName }: Attachment): { ip: Ip; owner: Owner }[] {
    for (const owner of [{ containerId, ifName }, { containerId }]) {
      const addresses = index.addressesOf(owner);
      for (const ip of addresses) {
        const found = this.#directory.reservation(ip)?.owner;
        if (found?.containerId !== containerId || found.ifName !== owner.ifName) {
          throw new StaleIndexError(formatIp(ip));
        }
      }
      if (addresses.length > 0) return addresses.map((ip) => ({ ip, owner }));
    }
    return [];
  }

  /** Goes on past failures and throws the first ones together. */
  #removeAll(reservations: readonly Reservation[], index: AddressIndex): Ip[] {
    const failures: unknown[] = [];
    for (const { ip, owner } of reservations) {
      try {
        this.#directory.remove(ip);
        index.remove(ip, owner);
      } catch (error) {
        if (provesStale(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, "Cannot release all addresses");
    return reservations.map(({ ip }) => ip);
  }

  #reserveAll(request: ReserveRequest, index: AddressIndex): Pick[] {
    const { containerId, ifName, rangeSets } = request;
    for (const { ip } of this.#held(index, request)) {
      if (rangeSets.some((set) => rangeFor(set, ip))) {
        throw new ConflictError(
          `"${containerId}" has ${formatIp(ip)} for "${ifName}" already: DEL it before another ADD`,
        );
      }
    }
    const owner = { containerId, ifName };
    const given: Pick[] = [];
    try {
      for (const setIndex of rangeSets.keys()) {
        const pick = this.#reserveOne(request, setIndex, index);
        given.push(pick);
        index.add(pick.ip, owner);
        this.#directory.setLastReserved(setIndex, pick.ip);
      }
    } catch (error) {
      for (const { ip } of given) {
        this.#directory.remove(ip);
        index.remove(ip, owner);
      }
      throw error;
    }
    return given;
  }

  #reserveOne(request: ReserveRequest, setIndex: number, index: AddressIndex): Pick {
    const { rangeSets, requested, containerId, ifName } = request;
    const set = rangeSets[setIndex]!;
    const owner = { containerId, ifName };
    const wish = requested?.[setIndex];
    const wishRange = wish && rangeFor(set, wish);
    if (wish && wishRange) {
      if (this.#directory.create(wish, owner)) return { ip: wish, range: wishRange };
      throw new ConflictError(`${formatIp(wish)} is taken${this.#holder(wish)}`);
    }
    for (;;) {
      const pick = pickAddress({
        set,
        last: this.#directory.lastReserved(setIndex),
        avoid: (ip) => isGateway(rangeSets, ip),
        nextFree: (span) => index.nextFree(span),
      });
      if (!pick) throw this.#exhausted(request, setIndex, index);
      if (this.#directory.create(pick.ip, owner)) return pick;
      if (!index.isFresh) throw new StaleIndexError(formatIp(pick.ip));
      // Somebody reserves without the lock: his file counts.
      index.add(pick.ip, this.#directory.reservation(pick.ip)?.owner);
    }
  }

  #holder(ip: Ip): string {
    const owner = this.#directory.reservation(ip)?.owner;
    return owner ? ` by container "${owner.containerId}"` : "";
  }

  #exhausted({ rangeSets }: ReserveRequest, setIndex: number, index: AddressIndex): Error {
    const set = rangeSets[setIndex]!;
    const size = capacity(set, rangeSets);
    const inUse = used(set, { taken: this.#directory.addresses(), rangeSets });
    if (inUse < size && !index.isFresh) return new StaleIndexError(formatRangeSet(set));
    return new ExhaustedError(
      `No address is free in ${formatRangeSet(set)}: ${inUse} of ${size} are reserved in ` +
        `"${this.#directory.path}"; remove containers or widen the range`,
    );
  }
}

/** Saves unless the index proved wrong: work that was undone changed the directory too. */
function saving<T>(
  index: AddressIndex,
  work: (index: AddressIndex) => T,
  key: IndexKey | undefined,
): T {
  let isTrue = true;
  try {
    return work(index);
  } catch (error) {
    isTrue = !provesStale(error);
    throw error;
  } finally {
    if (key && isTrue) index.save(key);
  }
}

const provesStale = (error: unknown): boolean =>
  error instanceof StaleIndexError || error instanceof CorruptPageError;

function isValid(owner: Owner | undefined, valid: readonly Attachment[]): boolean {
  return valid.some(
    ({ containerId, ifName }) =>
      owner?.containerId === containerId && (owner.ifName ?? ifName) === ifName,
  );
}

/** How many addresses that the set could give are taken. */
function used(
  set: RangeSet,
  { taken, rangeSets }: { readonly taken: readonly Ip[]; readonly rangeSets: readonly RangeSet[] },
): bigint {
  const inSet = taken.filter((ip) => rangeFor(set, ip) && !isGateway(rangeSets, ip));
  return BigInt(inSet.length);
}
