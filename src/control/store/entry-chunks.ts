/** Divides entries over commits, each as large as one may be. Pure. */
import { type Change, commitLimits, type Entry } from "./store.ts";

export function* entryChunks(entries: Iterable<Pick<Entry, "key" | "value">>): Generator<Change[]> {
  let chunk: Change[] = [];
  let bytes = 0;
  for (const { key, value } of entries) {
    const size = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (chunk.length === commitLimits.changes || bytes + size > commitLimits.bytes) {
      yield chunk;
      [chunk, bytes] = [[], 0];
    }
    chunk.push({ key, value });
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
