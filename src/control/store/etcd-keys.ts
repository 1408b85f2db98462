/** Where a store's keys lie in etcd, in the base64 of its JSON gateway. */
import { afterPrefix } from "./keys.ts";

const prefix = "/netloom/";

/** Sorts before the keys of `prefix`, with nobody else's between. */
const ownPrefix = "/netloom.";

export const toEtcd = {
  text: (text: string) => Buffer.from(text).toString("base64"),
  key: (key: string) => toEtcd.text(prefix + key),
  /** The range of the keys with this prefix, those after `after` alone if given. */
  range: (of: string, after?: string) => {
    const end = afterPrefix(prefix + of)!;
    // The next key in the order of bytes has one more, which is 0.
    const start = after !== undefined && after >= of ? `${prefix}${after}\0` : prefix + of;
    return { key: toEtcd.text(start), range_end: toEtcd.text(end) };
  },
} as const;

export const ofEtcd = {
  text: (base64: string | undefined) => Buffer.from(base64 ?? "", "base64").toString(),
  /** The range of everything that is ours. */
  all: { key: toEtcd.text(ownPrefix), range_end: toEtcd.text(afterPrefix(prefix)!) },
} as const;

/** Keys that hold no entries. */
export const ownKeys = {
  /** What is added to etcd's revisions; absent: nothing. */
  base: toEtcd.text(`${ownPrefix}base`),
  /** There while entries are being filled in. */
  filling: toEtcd.text(`${ownPrefix}filling`),
  /** Written from time to time: a sign of life, and who writes it compacts. */
  tick: toEtcd.text(`${ownPrefix}tick`),
} as const;

/** A store's key; undefined for those that hold no entries. */
export function keyOf(base64: string): string | undefined {
  const key = ofEtcd.text(base64);
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}
