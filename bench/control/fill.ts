/** Fills an empty store with objects and all that the server keeps beside them, in one commit. */
import { type Counts, countsOf } from "../../src/control/objects/counts.ts";
import { countsKey, keyOf, referrerKey } from "../../src/control/objects/keys.ts";
import { targetsOf } from "../../src/control/objects/references.ts";
import { encode } from "../../src/control/objects/stored.ts";
import type { CopyableStore } from "../../src/control/store/copyable.ts";
import { type Made, objects } from "./objects.ts";
import type { Size } from "./size.ts";

type Pair = { readonly key: string; readonly value: string };

/** Gives how many entries there are. */
export const fill = (store: CopyableStore, size: Size): Promise<number> =>
  fillWith(store, objects(size));

/** The same with these objects, each after what it refers to. */
export async function fillWith(store: CopyableStore, all: Iterable<Made>): Promise<number> {
  const pairs: Pair[] = [];
  const counts = new Map<string, Counts>();
  for (const made of all) {
    pairs.push(...entriesOf(made));
    const { namespace } = made.object.metadata;
    if (namespace === undefined) continue;
    counts.set(namespace, plus(counts.get(namespace), countsOf(made.kind, made.object)));
  }
  for (const [namespace, sum] of counts) {
    pairs.push({ key: countsKey(namespace), value: JSON.stringify(sum) });
  }
  await store.fill(pairs, 1);
  return pairs.length;
}

function* entriesOf({ kind, object }: Made): Generator<Pair> {
  const key = keyOf(kind, object.metadata);
  yield { key, value: encode(object) };
  for (const target of targetsOf(kind, object)) {
    yield { key: referrerKey(target.key, key), value: "" };
  }
}

const plus = (sum: Counts | undefined, more: Counts): Counts => ({
  networks: (sum?.networks ?? 0) + more.networks,
  ports: (sum?.ports ?? 0) + more.ports,
  addresses: (sum?.addresses ?? 0) + more.addresses,
});
