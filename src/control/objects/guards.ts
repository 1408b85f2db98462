/** What must hold between objects, drafted into the commit that changes one of them. */
import type { Kind } from "../../api/kind.ts";
import { isOwnLink } from "../../api/kinds/fields.ts";
import { thingsNamedAnew } from "../../api/kinds/host-things.ts";
import {
  type IPPool,
  kinds,
  type Namespace,
  type Network,
  type Port,
  type Subnet,
  type Tenant,
} from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import { rangeFaults } from "../../api/kinds/range-faults.ts";
import type { ApiObject, Fault } from "../../api/object.ts";
import { selects } from "../../api/selectors.ts";
import { forbidden, notFound } from "../../api/status-error.ts";
import { overlaps, parsePrefix } from "../../lib/prefix.ts";
import { draftCounts, quotaTurn, tenantsOf } from "./counts.ts";
import type { Draft } from "./draft.ts";
import { fixedIpFaults, subnetsOfNetwork } from "./fixed-ips.ts";
import { keyOf, prefixOf, turnKey } from "./keys.ts";
import { prefixesTurn, refuseMisplacedBlock, refuseTakenPrefixes } from "./node-prefixes.ts";
import { refuseFaults } from "./prepare.ts";
import { draftReferences } from "./references.ts";
import { decodeEntry } from "./stored.ts";

type AnyKind = Kind<any, any>;
const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const namespaceKind = kindOf("Namespace");
const networkKind = kindOf("Network");
const subnetKind = kindOf("Subnet");

/** A change of one object: it is made, becomes another, or goes. */
export interface ObjectChange {
  readonly kind: AnyKind;
  readonly key: string;
  readonly old?: ApiObject;
  readonly next?: ApiObject;
}

/** Drafts all that goes with a change. Throws ApiError where it may not be. */
export async function draftGuards(draft: Draft, change: ObjectChange): Promise<void> {
  const { kind, old, next } = change;
  const { name, namespace } = (next ?? old)!.metadata;
  if (next && !old && namespace) await refuseWithoutNamespace(draft, { kind, name, namespace });
  if (next) {
    // Before references: who may not see an object is not told whether it is there.
    refuseFaults(kind, next, (await guards[kind.kind]?.(draft, next, old)) ?? []);
  }
  const faults = await draftReferences(draft, change);
  if (next) {
    refuseFaults(kind, next, faults);
    if (kind.kind === "Port") {
      refuseFaults(kind, next, await fixedIpFaults(draft.store, next as Port, old as Port));
    }
  } else {
    for (const turn of turnsOf(kind, name, change.key)) draft.remove(turn);
  }
  if (namespace) await draftCounts(draft, { ...change, namespace, name });
}

/** What was kept for an object's sake goes with it. */
function turnsOf(kind: AnyKind, name: string, key: string): string[] {
  if (kind.kind === "Network") return [subnetsTurn(key)];
  if (kind.kind === "Subnet") return [prefixesTurn(key)];
  return kind.kind === "Tenant" ? [quotaTurn(name)] : [];
}

const subnetsTurn = (network: string) => turnKey(`subnets${network}`);

interface NewObject {
  readonly kind: AnyKind;
  readonly name: string;
  readonly namespace: string;
}

async function refuseWithoutNamespace(draft: Draft, { kind, name, namespace }: NewObject) {
  const entry = await draft.read(keyOf(namespaceKind, { name: namespace }));
  if (!entry) throw notFound(namespaceKind, namespace);
  if (decodeEntry(entry).metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(kind, name, why);
}

type Guard = (draft: Draft, next: any, old?: ApiObject) => Promise<Fault[]>;

/** By kind. */
const guards: Readonly<Record<string, Guard>> = {
  Host: refuseTakenPrefixes,
  IPBlock: refuseMisplacedBlock,
  IPPool: refuseOutside,
  Port: refuseUnshared,
  Subnet: refuseOverlap,
  Tenant: refuseSharedNamespaces,
  Namespace: refuseTwoTenants,
};

/**
 * Links of other networks, and of the system, are not to be had by naming them. Asked before what
 * the caller may name, which an admin could change. Throws ApiError (Invalid).
 */
export function refuseOwnLinks(kind: AnyKind, next: ApiObject, old?: ApiObject): void {
  const faults = thingsNamedAnew(old, next)
    .filter(({ isLink, value }) => isLink && isOwnLink(String(value)))
    .map(({ path }) => ({
      path,
      reason: "FieldValueForbidden" as const,
      message: "names of this form are those of Netloom's own links and the loopback: name another",
    }));
  refuseFaults(kind, next, faults);
}

/** A pool's addresses are its subnet's. */
async function refuseOutside(draft: Draft, { spec }: IPPool): Promise<Fault[]> {
  const [namespace = "", name = ""] = spec.subnet.split("/");
  const entry = await draft.read(keyOf(subnetKind, { namespace, name }));
  // That there is none is a fault of the reference.
  if (!entry) return [];
  const { cidr } = (decodeEntry(entry) as Subnet).spec;
  return rangeFaults(spec.ranges, "spec.ranges", { text: cidr, prefix: parsePrefix(cidr) });
}

/** A network of another namespace must be shared with the port's. */
async function refuseUnshared(draft: Draft, next: Port, old?: ApiObject): Promise<Fault[]> {
  const { namespace = "" } = next.metadata;
  const place = networkOfPort(next.spec, namespace);
  if (old || place.namespace === namespace) return [];
  const network = await draft.read(keyOf(networkKind, place));
  const home = await draft.read(keyOf(namespaceKind, { name: namespace }));
  const { sharedWith } = network ? (decodeEntry(network) as Network).spec : {};
  if (home && selects(sharedWith, decodeEntry(home).metadata.labels)) return [];
  const message = `there is no network "${place.namespace}/${place.name}" that is shared with namespace "${namespace}"`;
  return [{ path: "spec.network", reason: "FieldValueForbidden", message }];
}

/** Subnets of one network must not overlap, nor be made at once, which could hide that they do. */
async function refuseOverlap(draft: Draft, next: Subnet, old?: ApiObject): Promise<Fault[]> {
  if (old) return [];
  const { namespace } = next.metadata;
  const network = keyOf(networkKind, { namespace, name: next.spec.network });
  await draft.takeTurn(subnetsTurn(network));
  const cidr = parsePrefix(next.spec.cidr);
  for (const { metadata, spec } of await subnetsOfNetwork(draft.store, network)) {
    if (!overlaps(cidr, parsePrefix(spec.cidr))) continue;
    const message = `overlaps ${spec.cidr} of subnet "${metadata.name}" of the same network`;
    return [{ path: "spec.cidr", reason: "FieldValueInvalid", message }];
  }
  return [];
}

const tenantsTurn = turnKey("tenants");

async function refuseSharedNamespaces(draft: Draft, next: Tenant, old?: ApiObject) {
  const before = JSON.stringify((old as Tenant | undefined)?.spec.namespaceSelector);
  const selector = next.spec.namespaceSelector;
  if (!selector || JSON.stringify(selector) === before) return [];
  await draft.takeTurn(tenantsTurn);
  const { entries } = await draft.store.list(prefixOf(namespaceKind));
  for (const entry of entries) {
    const { metadata } = decodeEntry(entry) as Namespace;
    if (!selects(selector, metadata.labels)) continue;
    const owners = await tenantsOf(draft.store, metadata.labels);
    const other = owners.find((tenant) => tenant.metadata.name !== next.metadata.name);
    if (other) return [twoOwners("spec.namespaceSelector", metadata.name, [other])];
  }
  return [];
}

async function refuseTwoTenants(draft: Draft, next: Namespace, old?: ApiObject): Promise<Fault[]> {
  const { name, labels = {} } = next.metadata;
  if (JSON.stringify(labels) === JSON.stringify(old?.metadata.labels ?? {})) return [];
  await draft.takeTurn(tenantsTurn);
  const owners = await tenantsOf(draft.store, labels);
  return owners.length > 1 ? [twoOwners("metadata.labels", name, owners)] : [];
}

function twoOwners(path: string, namespace: string, tenants: readonly Tenant[]): Fault {
  const names = tenants.map(({ metadata }) => `"${metadata.name}"`).join(" and ");
  const message = `namespace "${namespace}" would have two tenants: it belongs to ${names}`;
  return { path, reason: "FieldValueInvalid", message };
}
