/** Keys: their ranges by prefix, and what a commit may hold, checked alike before every store. */
import { type Change, type Condition, commitLimits } from "./store.ts";

const lastCodePoint = 0x10ffff;
const surrogates = { first: 0xd800, last: 0xdfff } as const;

/**
 * The first key after all that begin with `prefix`; undefined where none comes after. Code points
 * and their UTF-8 bytes have one order, so this is right for stores that compare bytes.
 */
export function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix];
  while (points.length > 0) {
    const next = points.pop()!.codePointAt(0)! + 1;
    if (next > lastCodePoint) continue;
    const skipped = next === surrogates.first ? surrogates.last + 1 : next;
    return points.join("") + String.fromCodePoint(skipped);
  }
  return undefined;
}

/** -1, 0 or 1, in the order of the bytes of UTF-8, which is not that of UTF-16. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Throws RangeError, saying what is wrong, for what no store takes. */
export function checkCommit(conditions: readonly Condition[], changes: readonly Change[]): void {
  refuseMore(conditions.length, commitLimits.conditions, "conditions");
  refuseMore(changes.length, commitLimits.changes, "changes");
  const seen = new Set<string>();
  let bytes = 0;
  for (const { key, value } of changes) {
    if (seen.has(key)) throw new RangeError(`Cannot commit: "${key}" is changed twice`);
    seen.add(key);
    checkKey(key);
    if (value !== undefined) checkText(value, `the value of "${key}"`);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value ?? "");
  }
  for (const { key } of conditions) checkKey(key);
  refuseMore(bytes, commitLimits.bytes, "bytes");
}

function refuseMore(count: number, most: number, what: string): void {
  if (count <= most) return;
  throw new RangeError(`Cannot commit ${count} ${what} at once: ${most} is the most`);
}

function checkKey(key: string): void {
  if (key === "") throw new RangeError("Cannot commit: a key is empty");
  checkText(key, `the key "${key}"`);
}

function checkText(text: string, what: string): void {
  if (!text.isWellFormed()) throw new RangeError(`Cannot commit: ${what} has half a character`);
  if (text.includes("\0")) throw new RangeError(`Cannot commit: ${what} holds a NUL`);
}
