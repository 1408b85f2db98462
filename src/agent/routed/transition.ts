/**
 * When packets change over to another way. Hosts hear of it one after the other: each makes its
 * device first, waits for the others to have theirs, and keeps the one before for those who still
 * send by it.
 */
import { type Entries, type Entry, keyOf, type RouteEntry } from "./entries.ts";

/** So long after its device is made a host goes on by the way before. */
const pauseMs = 1_000;
/** So long a device stays that this host needs no more, and a way that has no successor yet. */
const lingerMs = 5_000;

interface Moment {
  readonly applied: Entries;
  readonly desired: Entries;
  readonly nowMs: number;
  /** Whether a device that is there takes packets; absent: all do. */
  readonly isReady?: (device: string) => boolean;
  /** Whether BGP leads to a prefix. */
  readonly isLearnt?: (prefix: string) => boolean;
}

export interface Stage {
  /** What the kernel is to have now. */
  readonly entries: Entries;
  /** After so long there is more to do; undefined: all is as desired. */
  readonly waitMs?: number;
}

export class Transition {
  /** By the device's name: when it was first to be, and when it was first not to be. */
  readonly #newMs = new Map<string, number>();
  readonly #oldMs = new Map<string, number>();
  /** By key of a route: since when it is to lead nowhere. */
  #lostMs: ReadonlyMap<string, number> = new Map();

  /** Without any network all goes at once: call it with nothing desired. */
  stage(moment: Moment): Stage {
    const entries = new Map(moment.desired);
    const waits = [
      ...this.#holdRoutes(moment, entries),
      ...(moment.desired.size === 0 ? [] : this.#keepDevices(moment, entries)),
    ];
    return { entries, ...(waits.length > 0 && { waitMs: Math.min(...waits) }) };
  }

  /**
   * Prefixes that have a way, of ours or of BGP's, keep it while the device of the new one is fresh,
   * and for a while where there is no new one yet.
   */
  #holdRoutes(moment: Moment, entries: Map<string, Entry>): number[] {
    const { applied, desired, nowMs, isLearnt } = moment;
    this.#notice(moment);
    const waits: number[] = [];
    const lost = new Map<string, number>();
    for (const [key, entry] of desired) {
      if (entry.kind !== "route" || entry.type === "blackhole") continue;
      const found = applied.get(key);
      const before = found?.kind === "route" && found.type === "unicast" ? found : undefined;
      if (!before && !isLearnt?.(entry.dst)) continue;
      if (entry.type === "unreachable") lost.set(key, this.#lostMs.get(key) ?? nowMs);
      const untilMs = lost.has(key) ? lost.get(key)! + lingerMs : this.#freshUntil(entry, before);
      const leftMs = untilMs - nowMs;
      if (leftMs <= 0) continue;
      if (before) entries.set(key, before);
      else entries.delete(key);
      waits.push(leftMs);
    }
    this.#lostMs = lost;
    return waits;
  }

  /** Until when the way before is better. */
  #freshUntil({ device }: RouteEntry, before: RouteEntry | undefined): number {
    const sinceMs = device === undefined ? undefined : this.#newMs.get(device);
    const isFresh = sinceMs !== undefined && device !== before?.device;
    return isFresh ? sinceMs + pauseMs : Number.NEGATIVE_INFINITY;
  }

  /** Which devices are fresh. */
  #notice({ applied, desired, nowMs, isReady }: Moment): void {
    for (const entry of desired.values()) {
      if (entry.kind !== "device") continue;
      if (applied.has(keyOf(entry)) && (isReady?.(entry.name) ?? true)) continue;
      this.#newMs.set(entry.name, nowMs);
    }
    for (const [name, sinceMs] of this.#newMs) {
      if (nowMs >= sinceMs + pauseMs) this.#newMs.delete(name);
    }
  }

  /** With what is known on them. */
  #keepDevices({ applied, desired, nowMs }: Moment, entries: Map<string, Entry>): number[] {
    const waits: number[] = [];
    const kept = new Set<string>();
    const used = devicesOf([...applied.values(), ...entries.values()]);
    for (const [key, entry] of applied) {
      if (entry.kind !== "device") continue;
      if (desired.has(key)) {
        this.#oldMs.delete(entry.name);
        continue;
      }
      const sinceMs = used.has(entry.name) ? nowMs : (this.#oldMs.get(entry.name) ?? nowMs);
      this.#oldMs.set(entry.name, sinceMs);
      if (nowMs >= sinceMs + lingerMs) {
        this.#oldMs.delete(entry.name);
        continue;
      }
      kept.add(entry.name);
      entries.set(key, entry);
      waits.push(sinceMs + lingerMs - nowMs);
    }
    if (kept.size === 0) return waits;
    for (const [key, entry] of applied) {
      if (entry.kind === "device" || entry.kind === "route") continue;
      if (kept.has(entry.device)) entries.set(key, entry);
    }
    return waits;
  }
}

/** Those that routes lead by. */
function devicesOf(entries: readonly Entry[]): Set<string> {
  const found = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== "route" || entry.type !== "unicast") continue;
    if (entry.device !== undefined) found.add(entry.device);
  }
  return found;
}
