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

let last: Promise<unknown> = Promise.resolve();

/** Work for one host after that for another, with turns for all else between. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.then(othersFirst, othersFirst);
  return done;
}

/** UTF-16 units of lines. With more all are forgotten, and read anew. */
const most = 2 ** 25;

interface Known {
  readonly entries: Map<string, ReadEntry>;
  size: number;
}

const ofStores = new WeakMap<Store, Known>();

/** As `readEntry`, from memory where the entry is still the one that was read. */
export function readOnce(store: Store, entry: Entry): ReadEntry {
  const known = ofStores.get(store) ?? { entries: new Map(), size: 0 };
  ofStores.set(store, known);
  const before = known.entries.get(entry.key);
  if (before?.revision === entry.revision) return before;
  const read = readEntry(entry);
  known.size += read.line.length - (before?.line.length ?? 0);
  if (known.size > most) {
    known.entries.clear();
    known.size = read.line.length;
  }
  known.entries.set(entry.key, read);
  return read;
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
