/** What a node spec reads from the store, as it was at a revision. */
import { kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { expired } from "../../api/status-error.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix, resourceOf } from "../objects/keys.ts";
import { othersFirst } from "../objects/others-first.ts";
import { portionLimits } from "../objects/reading.ts";
import { decodeEntry } from "../objects/stored.ts";
import { CompactedError, type Entry, type ListOptions, type Store } from "../store/store.ts";
import type { Part } from "./reach.ts";
import { inTurn } from "./read-once.ts";
import { plurals } from "./selection.ts";

export const kindsByPlural = new Map(
  plurals.map((plural) => [plural, kinds.find((kind) => kind.plural === plural)!]),
);
export const hostKind = kindsByPlural.get("hosts")!;

/** So many come before others have their turn. */
const atOnce = 500;

/** All throw ApiError (Expired) where the revision is forgotten. */
export class NodeReader {
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  async host(name: string, revision: number): Promise<ApiObject | undefined> {
    const entry = await this.#one(keyOf(hostKind, { name }), revision);
    return entry && decodeEntry(entry);
  }

  /** All of a kind, in portions. */
  async *all(plural: string, revision: number): AsyncGenerator<readonly Entry[]> {
    const prefix = prefixOf(kindsByPlural.get(plural)!);
    let after: string | undefined;
    for (;;) {
      const { entries, more } = await this.#entries(prefix, revision, { ...portionLimits, after });
      yield entries;
      if (!more) return;
      after = entries.at(-1)!.key;
    }
  }

  /** Those of a kind that refer to the host, or the host itself. */
  async *own(plural: string, host: string, revision: number): AsyncGenerator<readonly Entry[]> {
    const key = keyOf(hostKind, { name: host });
    if (plural !== "hosts") yield* this.#referrers(key, plural, revision);
    else yield await this.#then([key], revision);
  }

  /** Of what a part is made. */
  ofPart({ plural, of }: Part, revision: number): AsyncGenerator<readonly Entry[]> {
    if (!of) return this.all(plural, revision);
    const [namespace, name] = of.name.split("/") as [string, string];
    const key = keyOf(kindsByPlural.get(of.plural)!, { namespace, name });
    return this.#referrers(key, plural, revision);
  }

  async *#referrers(
    target: string,
    plural: string,
    revision: number,
  ): AsyncGenerator<readonly Entry[]> {
    const prefix = `${referrersPrefix(target)}${resourceOf(kindsByPlural.get(plural)!)}/`;
    const { entries } = await this.#entries(prefix, revision, {});
    for (let from = 0; from < entries.length; from += atOnce) {
      const keys = entries.slice(from, from + atOnce).map(({ key }) => keyOfReferrer(key));
      yield await this.#then(keys, revision);
      await othersFirst();
    }
  }

  /** What did not change since is read as it is, which costs less. */
  async #then(keys: readonly string[], revision: number): Promise<Entry[]> {
    const all = await this.store.getAll(keys);
    const now = new Map(all.map((entry) => [entry.key, entry]));
    const isOf = (entry: Entry | undefined) => entry !== undefined && entry.revision <= revision;
    const then = keys.map((key) => {
      const entry = now.get(key);
      return isOf(entry) ? entry : this.#one(key, revision);
    });
    return (await Promise.all(then)).filter((entry) => entry !== undefined);
  }

  async #one(key: string, revision: number): Promise<Entry | undefined> {
    const { entries } = await this.#entries(key, revision, { limit: 1 });
    return entries.find((each) => each.key === key);
  }

  async #entries(prefix: string, revision: number, page: ListOptions) {
    try {
      return await inTurn(() => this.store.list(prefix, { revision, ...page }));
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      throw expired(`too old resource version: ${revision}: watch from the beginning`);
    }
  }
}
