/** Notices that something which attachments may need was changed, by whomever. */
import { Monitor, type MonitorEvent } from "../kernel/netlink/monitor.ts";
import { type NftEvent, NftMonitor } from "../kernel/nft/nft-monitor.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Engine } from "./engine.ts";
import { idOfAlias } from "./names.ts";
import { inProcess, type Paths } from "./paths.ts";

/** What was touched in the last moments. What was made anew is no loss, and is not told of. */
export interface DriftNotice {
  /** Names of links on the host that went or changed. */
  readonly links: ReadonlySet<string>;
  /** Addresses with prefix lengths that went from links on the host. */
  readonly addresses: ReadonlySet<string>;
  /** Destinations of routes on the host that went or changed. */
  readonly routes: ReadonlySet<string>;
  /** Paths of sysctls of the host's that were switched off. */
  readonly sysctls: ReadonlySet<string>;
  /** Attachments whose elements of our sets went, 16 hex digits each. */
  readonly ids: ReadonlySet<string>;
  /** Paths of followed namespaces in which something went or changed. */
  readonly containers: ReadonlySet<string>;
  /** Rules, chains or tables of ours went or changed. */
  readonly nft: boolean;
  /** Changes were lost: everything on the host may have changed. */
  readonly resync: boolean;
}

export interface DriftOptions {
  /** A notice waits for a pause of so long, since changes come in groups. */
  readonly quietMs?: number;
  /** But not longer than that from the first change on. */
  readonly latestMs?: number;
  /** How much may wait for us of the host's changes. */
  readonly bufferBytes?: number;
}

type Draft = {
  -readonly [K in keyof DriftNotice]: DriftNotice[K] extends ReadonlySet<infer T>
    ? Set<T>
    : DriftNotice[K];
};

const nothing = (): Draft => ({
  links: new Set(),
  addresses: new Set(),
  routes: new Set(),
  sysctls: new Set(),
  ids: new Set(),
  containers: new Set(),
  nft: false,
  resync: false,
});

const groups = ["link", "address", "route"] as const;
const hostGroups = [...groups, "netconf"] as const;
/** The host's own switch of a family. */
const forwardingPaths = { 4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding" } as const;
/** A container can lose its own notices, not those of others. */
const containerBufferBytes = 64 << 10;
/** Routes that the kernel itself makes come and go with addresses. */
const kernelProtocol = 2;

/**
 * Watches the host from its construction on, and the containers that it is told to follow. Iterate
 * it once, and dispose of it, which ends the iteration. sysctls but for the host's forwarding,
 * neighbours and routing rules are not watched: that is found by passes from time to time.
 */
export class Drift implements AsyncIterable<DriftNotice>, Disposable {
  readonly #paths: Paths;
  readonly #table: string;
  readonly #quietMs: number;
  readonly #latestMs: number;
  readonly #host: readonly Disposable[];
  /** By path: its monitor, and that of its rules where we have some there. */
  readonly #followed = new Map<string, Monitor>();
  readonly #guarded = new Map<string, NftMonitor>();
  #pending = nothing();
  /** When the first of what is pending came. */
  #since: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting = Promise.withResolvers<void>();
  #isDue = false;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  /** Throws SysError, NetnsError. */
  constructor({ session, paths }: Engine, options: DriftOptions = {}) {
    const { quietMs = 20, latestMs = 200, bufferBytes } = options;
    this.#paths = paths;
    this.#quietMs = quietMs;
    this.#latestMs = latestMs;
    const netns = session.namespace(hostNetns).path;
    const size = bufferBytes === undefined ? {} : { bufferBytes };
    const links = new Monitor(hostGroups, { netns, ...size });
    const nft = new NftMonitor(netns, bufferBytes);
    this.#host = [links, nft];
    this.#listen(links, (event) => onHost(this.#pending, event));
    this.#table = `netloom_${paths.instance ?? inProcess}`;
    this.#listen(nft, (event) => this.#onNft(event));
  }

  /** Ends the iteration. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    const inside = [...this.#followed.values(), ...this.#guarded.values()];
    for (const monitor of [...this.#host, ...inside]) monitor[Symbol.dispose]();
    clearTimeout(this.#timer);
    this.#waiting.resolve();
  }

  /**
   * Watches exactly these containers' namespaces from now on: a socket each, of some 25 KiB, and
   * one more where we have guards inside. Gives those that cannot be watched, since they are gone
   * or descriptors are short.
   */
  follow(containers: ReadonlyMap<string, { readonly isGuarded: boolean }>): readonly string[] {
    const guarded = (path: string) => containers.get(path)?.isGuarded === true;
    end(this.#followed, (path) => containers.has(path));
    end(this.#guarded, guarded);
    return [...containers.keys()].filter((path) => {
      const isWatched = this.#followed.has(path) || this.#begin(path);
      const isGuardWatched = !guarded(path) || this.#guarded.has(path) || this.#beginGuard(path);
      return !isWatched || !isGuardWatched;
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<DriftNotice> {
    while (!this.#closed) {
      if (!this.#isDue) await this.#waiting.promise;
      if (this.#failure) throw this.#failure.error;
      if (this.#closed) return;
      const notice = this.#pending;
      this.#pending = nothing();
      this.#since = undefined;
      this.#isDue = false;
      this.#waiting = Promise.withResolvers();
      yield notice;
    }
  }

  #begin(path: string): boolean {
    return ifThere(() => {
      const monitor = new Monitor(groups, { netns: path, bufferBytes: containerBufferBytes });
      this.#followed.set(path, monitor);
      this.#listen(monitor, (event) => isOfMeaning(event) && this.#touchedIn(path));
    });
  }

  #beginGuard(path: string): boolean {
    return ifThere(() => {
      const monitor = new NftMonitor(path, containerBufferBytes);
      this.#guarded.set(path, monitor);
      this.#listen(monitor, (event) => isGuardEvent(event, this.#table) && this.#touchedIn(path));
    });
  }

  #touchedIn(path: string): true {
    this.#pending.containers.add(path);
    return true;
  }

  #listen<T>(source: AsyncIterable<T>, take: (event: T) => boolean): void {
    const listen = async () => {
      for await (const event of source) if (take(event)) this.#touch();
    };
    listen().catch((error) => {
      this.#failure ??= { error };
      this.#waiting.resolve();
    });
  }

  #onNft(event: NftEvent): boolean {
    const pending = this.#pending;
    if (event.kind === "resync") pending.resync = true;
    if (event.kind === "resync") return true;
    if (event.table !== this.#table) return false;
    if (event.kind !== "element") {
      // What is added beside ours changes nothing, but for rules.
      const isOfMeaning = event.gone || event.kind === "rule";
      pending.nft ||= isOfMeaning;
      return isOfMeaning;
    }
    const ids = event.gone ? event.comments.flatMap((it) => idOfAlias(this.#paths, it) ?? []) : [];
    for (const id of ids) pending.ids.add(id);
    return ids.length > 0;
  }

  /** Something was added to what is pending. */
  #touch(): void {
    if (this.#isDue || this.#closed) return;
    const now = performance.now();
    this.#since ??= now;
    const inMs = Math.min(this.#quietMs, this.#since + this.#latestMs - now);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#isDue = true;
        this.#waiting.resolve();
      },
      Math.max(0, inMs),
    );
  }
}

function end<T extends Disposable>(
  monitors: Map<string, T>,
  isKept: (path: string) => boolean,
): void {
  for (const [path, monitor] of monitors) {
    if (isKept(path)) continue;
    monitor[Symbol.dispose]();
    monitors.delete(path);
  }
}

/** Gives whether the namespace could be watched. */
function ifThere(begin: () => void): boolean {
  try {
    begin();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== undefined && unwatchable.has(code)) return false;
    throw error;
  }
}

/** A guard's table is ours with the attachment behind it. What we make ourselves is no loss. */
function isGuardEvent(event: NftEvent, table: string): boolean {
  if (event.kind === "resync") return true;
  return event.gone && event.table.startsWith(`${table}_`);
}

/** The namespace is gone, or there are too many open files. */
const unwatchable: ReadonlySet<string> = new Set(["ENOENT", "EINVAL", "EMFILE", "ENFILE"]);

/** Notes what happened on the host. Gives whether it means something. */
function onHost(pending: Draft, event: MonitorEvent): boolean {
  if (!isOfMeaning(event)) return false;
  if (event.kind === "link") pending.links.add(event.link.name);
  else if (event.kind === "address") pending.addresses.add(event.address.address);
  else if (event.kind === "route") pending.routes.add(event.route.dst);
  else if (event.kind === "netconf") pending.sysctls.add(forwardingPaths[event.netconf.family]);
  else if (event.kind === "resync") pending.resync = true;
  return true;
}

function isOfMeaning(event: MonitorEvent): boolean {
  switch (event.kind) {
    case "resync":
    case "link":
      return true;
    case "address":
      return event.gone;
    case "route":
      return event.gone || event.route.protocol !== kernelProtocol;
    case "netconf":
      return event.netconf.index === "all" && event.netconf.forwarding === false;
    default:
      return false;
  }
}
