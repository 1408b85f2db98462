/** Objects that many hosts must know are read from their JSON once for all of them. */
import type { ApiObject } from "../../api/object.ts";
import { othersFirst } from "../objects/others-first.ts";
import { decodeEntry } from "../objects/stored.ts";
import type { EventType } from "../objects/watching.ts";
import type { Entry, Store } from "../store/store.ts";

/** An entry's object, and the line that tells of it as new. */
export interface ReadEntry {
  readonly revision: number;
  readonly object: ApiObject;
  readonly line: string;
}

/** What is made of an entry's object, and the line that tells of it as new; or nothing is. */
export interface DerivedEntry {
  readonly revision: number;
  readonly object?: ApiObject;
  readonly line: string;
}

let last: Promise<unknown> = Promise.resolve();

/** Work for one host after that for another, with turns for all else between. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.then(othersFirst, othersFirst);
  return done;
}

/** UTF-16 units of lines. With more all are forgotten, and read anew. */
const most = 2 ** 25;

interface Known<R> {
  readonly entries: Map<string, R>;
  size: number;
}

/** What was made of entries of each store, as long as they are the same. */
class Once<R extends { readonly revision: number; readonly line: string }> {
  readonly #ofStores = new WeakMap<Store, Known<R>>();

  read(store: Store, entry: Entry, { as, make }: { as: string; make: () => R }): R {
    const known = this.#ofStores.get(store) ?? { entries: new Map<string, R>(), size: 0 };
    this.#ofStores.set(store, known);
    const before = known.entries.get(as);
    if (before?.revision === entry.revision) return before;
    const read = make();
    known.size += read.line.length - (before?.line.length ?? 0);
    if (known.size > most) {
      known.entries.clear();
      known.size = read.line.length;
    }
    known.entries.set(as, read);
    return read;
  }
}

const whole = new Once<ReadEntry>();
const derived = new Once<DerivedEntry>();

/** As `readEntry`, from memory where the entry is still the one that was read. */
export const readOnce = (store: Store, entry: Entry): ReadEntry =>
  whole.read(store, entry, { as: entry.key, make: () => readEntry(entry) });

/** As `topic` tells of it, the same to all who follow that; read anew only where it changed. */
export function deriveOnce(
  store: Store,
  entry: Entry,
  { topic, derive }: { topic: string; derive: (object: ApiObject) => ApiObject | undefined },
): DerivedEntry {
  const make = (): DerivedEntry => {
    const { revision } = entry;
    const object = derive(decodeEntry(entry));
    return object ? { revision, object, line: specLine("ADDED", object) } : { revision, line: "" };
  };
  return derived.read(store, entry, { as: `${topic} ${entry.key}`, make });
}

export function readEntry(entry: Entry): ReadEntry {
  const object = decodeEntry(entry);
  return { revision: entry.revision, object, line: specLine("ADDED", object) };
}

/** A line of a node spec. Agents don't ask who set which field, which is half of an object. */
export function specLine(type: EventType, { metadata, ...object }: ApiObject): string {
  const { managedFields: _, ...rest } = metadata;
  const { apiVersion, kind, ...parts } = object;
  return `${JSON.stringify({ type, object: { apiVersion, kind, metadata: rest, ...parts } })}\n`;
}
