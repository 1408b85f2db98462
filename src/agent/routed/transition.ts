/**
 * When packets change over to another way. Hosts hear of it one after the other: each makes its
 * device first, waits for the others to have theirs, and keeps the one before for those who still
 * send by it.
 */
import type { Entries, Entry, RouteEntry } from "./entries.ts";

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
  /** Prefixes whose way is over: nothing of it is kept. */
  readonly lost?: ReadonlySet<string>;
}

export interface Stage {
  /** What the kernel is to have now. */
  readonly entries: Entries;
  /** After so long there is more to do; undefined: all is as desired. */
  readonly waitMs?: number;
}

export class Transition {
  /**
   * By key, of devices and of what they are told: when it was first to be, and when it was first
   * not to be.
   */
  readonly #newMs = new Map<string, number>();
  #oldMs: ReadonlyMap<string, number> = new Map();
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
   * Prefixes that have a way, of ours or of BGP's, keep it while the device of the new one is
   * fresh, and for a while where there is no new one yet.
   */
  #holdRoutes(moment: Moment, entries: Map<string, Entry>): number[] {
    const { applied, desired, nowMs, isLearnt } = moment;
    this.#notice(moment);
    const waits: number[] = [];
    const lost = new Map<string, number>();
    for (const [key, entry] of desired) {
      if (entry.kind !== "route" || entry.type === "blackhole") continue;
      if (moment.lost?.has(entry.dst)) continue;
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
  #freshUntil({ dst, device }: RouteEntry, before: RouteEntry | undefined): number {
    if (device === undefined || device === before?.device) return Number.NEGATIVE_INFINITY;
    const since = [`device ${device}`, `peer ${device} ${dst}`].flatMap(
      (key) => this.#newMs.get(key) ?? [],
    );
    return Math.max(...since) + pauseMs;
  }

  /** Which devices are fresh, and who is behind them. */
  #notice({ applied, desired, nowMs, isReady }: Moment): void {
    for (const [key, entry] of desired) {
      if (entry.kind !== "device" && entry.kind !== "peer") continue;
      const device = entry.kind === "peer" ? entry.device : entry.name;
      if (applied.has(key) && (isReady?.(device) ?? true)) continue;
      this.#newMs.set(key, nowMs);
    }
    for (const [key, sinceMs] of this.#newMs) {
      if (nowMs >= sinceMs + pauseMs) this.#newMs.delete(key);
    }
  }

  /** With what is known on them; and who is behind those that stay. */
  #keepDevices({ applied, desired, nowMs }: Moment, entries: Map<string, Entry>): number[] {
    const waits: number[] = [];
    const kept = new Set<string>();
    const used = waysOf([...applied.values(), ...entries.values()]);
    const old = new Map<string, number>();
    for (const [key, entry] of applied) {
      if (desired.has(key) || (entry.kind !== "device" && entry.kind !== "peer")) continue;
      const sinceMs = used.has(key) ? nowMs : (this.#oldMs.get(key) ?? nowMs);
      old.set(key, sinceMs);
      if (nowMs >= sinceMs + lingerMs) continue;
      if (entry.kind === "device") kept.add(entry.name);
      entries.set(key, entry);
      waits.push(sinceMs + lingerMs - nowMs);
    }
    this.#oldMs = old;
    if (kept.size === 0) return waits;
    for (const [key, entry] of applied) {
      if (entry.kind === "device" || entry.kind === "route") continue;
      if (kept.has(entry.device)) entries.set(key, entry);
    }
    return waits;
  }
}

/** Keys of what routes lead by. */
function waysOf(entries: readonly Entry[]): Set<string> {
  const found = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== "route" || entry.device === undefined) continue;
    found.add(`device ${entry.device}`);
    found.add(`peer ${entry.device} ${entry.dst}`);
  }
  return found;
}
