/**
 * When packets change over to another way. Hosts hear of it one after the other: each makes its
 * device first, waits for the others to have theirs, and keeps the one before for those who still
 * send by it.
 */
import { type Entries, type Entry, keyOf } from "./entries.ts";

/** So long after its device is made a host goes on by the way before. */
const pauseMs = 1_000;
/** So long a device stays that this host needs no more. */
const lingerMs = 5_000;

interface Moment {
  readonly applied: Entries;
  readonly desired: Entries;
  readonly nowMs: number;
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

  /** Without any network all goes at once: call it with nothing desired. */
  stage(moment: Moment): Stage {
    const { desired } = moment;
    const entries = new Map(desired);
    const waits = [
      ...this.#holdRoutes(moment, entries),
      ...(desired.size === 0 ? [] : this.#keepDevices(moment, entries)),
    ];
    return { entries, ...(waits.length > 0 && { waitMs: Math.min(...waits) }) };
  }

  /** Routes that have a way keep it while the device of the new one is fresh. */
  #holdRoutes(moment: Moment, entries: Map<string, Entry>): number[] {
    const { applied, desired, nowMs } = moment;
    const waits: number[] = [];
    for (const entry of desired.values()) {
      if (entry.kind !== "device") continue;
      if (applied.has(keyOf(entry))) continue;
      this.#newMs.set(entry.name, nowMs);
    }
    for (const [name, sinceMs] of this.#newMs) {
      if (nowMs >= sinceMs + pauseMs) this.#newMs.delete(name);
    }
    if (this.#newMs.size === 0) return waits;
    for (const [key, entry] of desired) {
      if (entry.kind !== "route" || entry.type !== "unicast" || !entry.device) continue;
      const sinceMs = this.#newMs.get(entry.device);
      if (sinceMs === undefined) continue;
      const before = applied.get(key);
      const isWay = before?.kind === "route" && before.type === "unicast";
      if (isWay && before.device !== entry.device) entries.set(key, before);
      else if (!isWay && moment.isLearnt?.(entry.dst)) entries.delete(key);
      else continue;
      waits.push(sinceMs + pauseMs - nowMs);
    }
    return waits;
  }

  /** With what is known on them. */
  #keepDevices({ applied, desired, nowMs }: Moment, entries: Map<string, Entry>): number[] {
    const waits: number[] = [];
    const kept = new Set<string>();
    for (const [key, entry] of applied) {
      if (entry.kind !== "device") continue;
      if (desired.has(key)) {
        this.#oldMs.delete(entry.name);
        continue;
      }
      const sinceMs = this.#oldMs.get(entry.name) ?? nowMs;
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
      const isOn = (entry.kind === "fdb" || entry.kind === "neigh") && kept.has(entry.device);
      if (isOn) entries.set(key, entry);
    }
    return waits;
  }
}
