/** Quotas: what is in each namespace is counted in the commits that change it, so none races. */
import type { Kind } from "../../api/kind.ts";
import { kinds, type Namespace, type Port, type Tenant } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject } from "../../api/object.ts";
import { selects } from "../../api/selectors.ts";
import { forbidden } from "../../api/status-error.ts";
import type { Store } from "../store/store.ts";
import type { Draft } from "./draft.ts";
import { countsKey, keyOf, prefixOf, referrersPrefix, turnKey } from "./keys.ts";
import { decodeEntry } from "./stored.ts";

export type Counted = "networks" | "ports" | "addresses";
export type Counts = Readonly<Record<Counted, number>>;

const nothing: Counts = { networks: 0, ports: 0, addresses: 0 };
const nouns = Object.keys(nothing) as Counted[];

/** How many addresses a port is to have of its own, with what was reserved beside `fixedIps`. */
function asked({ spec, status }: Port): number {
  if (spec.joins !== undefined) return 0;
  const fixed = spec.fixedIps?.length ?? 0;
  return Math.max(fixed, status?.reservedAddresses ?? (fixed > 0 ? 0 : 1));
}

/** What an object counts for. A port counts for its addresses before it has them. */
export function countsOf(kind: Pick<Kind, "kind">, object: ApiObject | undefined): Counts {
  if (object && kind.kind === "Network") return { ...nothing, networks: 1 };
  if (!object || kind.kind !== "Port") return nothing;
  const port = object as Port;
  // The host's own are nobody's.
  const given = (port.status?.addresses ?? []).filter(({ subnet }) => subnet !== undefined);
  return { ...nothing, ports: 1, addresses: Math.max(asked(port), given.length) };
}

/** A new port with what it is to have, unless it says so itself: an address of each subnet. */
export async function withReservation(
  store: Store,
  kind: Kind<any, any>,
  object: ApiObject,
): Promise<ApiObject> {
  if (kind.kind !== "Port") return object;
  const { spec, metadata, status } = object as Port;
  if (spec.fixedIps?.length || spec.joins !== undefined) return object;
  const network = keyOf(networkKind, networkOfPort(spec, metadata.namespace ?? ""));
  const subnets = referrersPrefix(network) + prefixOf(subnetKind).slice("/registry/".length);
  const { length } = (await store.list(subnets)).entries;
  return length === 1 ? object : { ...object, status: { ...status, reservedAddresses: length } };
}

const combine = (a: Counts, b: Counts, sign: 1 | -1): Counts => ({
  networks: a.networks + sign * b.networks,
  ports: a.ports + sign * b.ports,
  addresses: a.addresses + sign * b.addresses,
});

const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const tenantKind = kindOf("Tenant");
const namespaceKind = kindOf("Namespace");
const networkKind = kindOf("Network");
const subnetKind = kindOf("Subnet");

async function readAll<O>(store: Store, kind: Kind<any, any>): Promise<O[]> {
  const { entries } = await store.list(prefixOf(kind));
  return entries.map((entry) => decodeEntry(entry) as O);
}

/** The tenants whose selector names a namespace with these labels. */
export async function tenantsOf(
  store: Store,
  labels: Readonly<Record<string, string>> = {},
): Promise<Tenant[]> {
  const tenants = await readAll<Tenant>(store, tenantKind);
  return tenants.filter(({ spec }) => selects(spec.namespaceSelector, labels));
}

/** What is in the namespaces of a tenant. */
export async function usedBy(store: Store, { spec }: Tenant): Promise<Counts> {
  const namespaces = (await readAll<Namespace>(store, namespaceKind)).filter(({ metadata }) =>
    selects(spec.namespaceSelector, metadata.labels),
  );
  const entries = await Promise.all(
    namespaces.map(({ metadata }) => store.get(countsKey(metadata.name))),
  );
  return entries.reduce((sum, entry) => combine(sum, readCounts(entry?.value), 1), nothing);
}

const readCounts = (text: string | undefined): Counts =>
  text === undefined ? nothing : (JSON.parse(text) as Counts);

/** Changed by whatever counts for this tenant's quotas, so that two never pass at once. */
export const quotaTurn = (tenant: string) => turnKey(`quota/${tenant}`);

interface Change {
  readonly kind: Kind<any, any>;
  readonly namespace: string;
  readonly name: string;
  readonly old?: ApiObject;
  readonly next?: ApiObject;
}

/**
 * Counts the change. Throws ApiError (Forbidden, as Kubernetes has it) where a new object, or what
 * a port is to have from now on, would be beyond a quota. What it has is counted, never refused.
 */
export async function draftCounts(draft: Draft, change: Change): Promise<void> {
  const { kind, namespace, old, next } = change;
  const delta = combine(countsOf(kind, next), countsOf(kind, old), -1);
  if (nouns.every((noun) => delta[noun] === 0)) return;
  const key = countsKey(namespace);
  const counts = combine(readCounts((await draft.read(key))?.value), delta, 1);
  if (nouns.every((noun) => counts[noun] === 0)) draft.remove(key);
  else draft.put(key, JSON.stringify(counts));
  const isMore = old && kind.kind === "Port" && next && asked(next as Port) > asked(old as Port);
  if (!old || isMore) await refuseBeyondQuota(draft, change, delta);
}

async function refuseBeyondQuota(draft: Draft, change: Change, delta: Counts): Promise<void> {
  const { kind, namespace, name } = change;
  const owner = await draft.read(keyOf(namespaceKind, { name: namespace }));
  const labels = owner && decodeEntry(owner).metadata.labels;
  for (const tenant of await tenantsOf(draft.store, labels)) {
    if (!tenant.spec.quotas || Object.keys(tenant.spec.quotas).length === 0) continue;
    const tenantName = tenant.metadata.name;
    draft.expect(keyOf(tenantKind, { name: tenantName }), Number(tenant.metadata.resourceVersion));
    await draft.takeTurn(quotaTurn(tenantName));
    const used = await usedBy(draft.store, tenant);
    for (const noun of nouns) {
      const most = tenant.spec.quotas[noun];
      if (most === undefined || delta[noun] <= 0 || used[noun] + delta[noun] <= most) continue;
      const why =
        `exceeded quota: tenant "${tenantName}", requested: ${noun}=${delta[noun]}, ` +
        `used: ${noun}=${used[noun]}, limited: ${noun}=${most}`;
      throw forbidden(kind, name, why);
    }
  }
}
