/**
 * VXLAN network identifiers: a key of the store for each that is given, so that two servers give
 * none twice. They ascend, so that what a host still has of a network that went meets no other.
 */
import type { Network } from "../../api/kinds/index.ts";
import { hasVni } from "../../model/encapsulation.ts";
import type { Store } from "../store/store.ts";
import type { ReconcileContext } from "./reconciler.ts";
import { kindOf } from "./reconciler.ts";

/** Above those that operators give by hand after VLANs. */
const first = 4097;
const last = 2 ** 24 - 1;
const prefix = "/vnis/";
const keyOf = (vni: number): string => `${prefix}${String(vni).padStart(8, "0")}`;
const vniOf = (key: string): number => Number(key.slice(prefix.length));
/** The identifier that was given last. */
const cursorKey = "/last-vni";

type Named = Pick<Network, "metadata" | "status">;

/** That of the network, which is its own from now on. */
export async function claimVni({ objects }: ReconcileContext, network: Named): Promise<number> {
  const { store } = objects;
  const { uid } = network.metadata;
  const { vni } = network.status ?? {};
  if (vni !== undefined && (await isClaimed(store, vni, uid))) return vni;
  for (;;) {
    const { entries } = await store.list(prefix);
    // Whoever claimed it was ended before it told so. Claimed anew: who is about to free it, for
    // the network did without one, finds another revision.
    const own = entries.find(({ value }) => value === uid);
    if (own) {
      const { key, revision } = own;
      if ((await store.commit([{ key, revision }], [{ key, value: uid }])) === undefined) continue;
      return vniOf(key);
    }
    // A store that was restored may lack the keys of what networks have.
    const { items } = await objects.list(kindOf("Network"));
    const shown = (items as unknown as Network[]).flatMap(({ status }) => status?.vni ?? []);
    const taken = new Set([...entries.map(({ key }) => vniOf(key)), ...shown]);
    const cursor = await store.get(cursorKey);
    const begin = cursor ? Number(cursor.value) : Math.max(first - 1, ...shown);
    const next = nextVni(begin, taken);
    const conditions = [
      { key: keyOf(next), revision: 0 },
      { key: cursorKey, revision: cursor?.revision ?? 0 },
    ];
    const changes = [
      { key: keyOf(next), value: uid },
      { key: cursorKey, value: String(next) },
    ];
    if ((await store.commit(conditions, changes)) !== undefined) return next;
  }
}

/** Whether this one is the network's; a store that was restored may lack the key. */
async function isClaimed(store: Store, vni: number, uid: string): Promise<boolean> {
  const key = keyOf(vni);
  const entry = await store.get(key);
  if (entry) return entry.value === uid;
  const made = await store.commit([{ key, revision: 0 }], [{ key, value: uid }]);
  return made !== undefined || (await store.get(key))?.value === uid;
}

/** The first free one after that which was given last. */
function nextVni(cursor: number, taken: ReadonlySet<number>): number {
  for (let vni = cursor + 1; vni <= last; vni++) if (!taken.has(vni)) return vni;
  for (let vni = first; vni <= cursor; vni++) if (!taken.has(vni)) return vni;
  throw new Error("Cannot give a VNI: all are taken");
}

/** Frees those of networks that are gone, or have another backend by now. */
export async function freeVnis({ objects }: ReconcileContext): Promise<void> {
  const { store } = objects;
  const { entries } = await store.list(prefix);
  // Listed after the claims: a network that is not there by now will not come back.
  const { items } = await objects.list(kindOf("Network"));
  const networks = items as unknown as Network[];
  const uids = new Set(
    networks.flatMap(({ metadata, spec }) => (hasVni(spec) ? metadata.uid : [])),
  );
  for (const { key, value, revision } of entries) {
    if (!uids.has(value)) await store.commit([{ key, revision }], [{ key }]);
  }
}
