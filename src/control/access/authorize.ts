/** Decides who may do what, by grants. Pure. */

import type { Allowed } from "../../api/kinds/tenant.ts";
import type { LabelSelector, Labels } from "../../api/selectors.ts";
import { selects } from "../../api/selectors.ts";
import type { Attributes, Decision } from "../http/access.ts";
import { ladder, type Role, roleAllows, tenantRoleAllows } from "./roles.ts";

/** A role, and where it counts. */
export interface Right {
  readonly role: Role;
  /** In this tenant alone. */
  readonly tenant?: string;
  /** Of role host: whose. */
  readonly host?: string;
}

/** A token may count for less than what its user was granted. */
export interface Narrowing {
  readonly role?: string;
  readonly tenant?: string;
}

/** What decisions need to know of tenants. */
export interface Tenancy {
  /** Which namespaces are the tenant's; undefined: none. */
  selectorOf(tenant: string): LabelSelector | undefined;
  /** What of hosts its members may name; undefined: nothing was said. */
  allowedOf(tenant: string): Allowed | undefined;
  /** Undefined: there is no such namespace. */
  labelsOf(namespace: string): Labels | undefined;
}

/** What is left of rights where a token narrows them. */
export function narrowed(rights: readonly Right[], { role, tenant }: Narrowing): Right[] {
  return rights.flatMap((right) => {
    const here = inTenant(right, tenant);
    return here ? atMost(here, role) : [];
  });
}

function inTenant(right: Right, tenant: string | undefined): Right | undefined {
  if (tenant === undefined || right.tenant === tenant) return right;
  return right.tenant === undefined && right.role !== "host" ? { ...right, tenant } : undefined;
}

function atMost(right: Right, role: string | undefined): Right[] {
  if (role === undefined || right.role === role) return [right];
  const [most, had] = [ladder.indexOf(role as Role), ladder.indexOf(right.role)];
  // An agent's role stands beside the others, neither above nor below.
  if (most < 0 || had < 0) return [];
  return [{ ...right, role: ladder[Math.min(most, had)]! }];
}

const ours = ["", "netloom.dev"];

/** Whether one of the rights allows it, and which. */
export function decide(rights: readonly Right[], asked: Attributes, tenancy: Tenancy): Decision {
  const right = rightFor(rights, asked, tenancy);
  if (!right) return { allowed: false, reason: whyNot(rights) };
  const isPart = isOfMany(asked) && !seesAll(right, asked);
  return { allowed: true, reason: `role "${right.role}"${where(right)}`, isPart };
}

const isOfMany = ({ verb, subresource }: Attributes) =>
  (verb === "list" || verb === "watch") && subresource === undefined;

/** Whether the right reaches all that such a list or watch may come to tell of. */
const seesAll = ({ role, tenant }: Right, { namespace = "" }: Attributes) =>
  role !== "host" && (tenant === undefined || namespace !== "");

/** A right that allows it, the widest first, where the object itself may speak against it. */
function rightFor(
  rights: readonly Right[],
  asked: Attributes,
  tenancy: Tenancy,
): Right | undefined {
  const allowing = rights.filter((right) => allows(right, asked, tenancy));
  return allowing.find((right) => seesAll(right, asked)) ?? allowing[0];
}

export function allows(right: Right, asked: Attributes, tenancy: Tenancy): boolean {
  // Who may read an object may list and watch it by its name, as Kubernetes has it.
  const isOfOne = isOfMany(asked) && Boolean(asked.name);
  return (
    isAllowed(right, asked, tenancy) ||
    (isOfOne && isAllowed(right, { ...asked, verb: "get" }, tenancy))
  );
}

function isAllowed(right: Right, asked: Attributes, tenancy: Tenancy): boolean {
  if (!ours.includes(asked.group)) return false;
  const { verb, name, namespace } = asked;
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource;
  if (right.role === "host") return hostMay(right.host, verb, { resource, name });
  if (right.tenant === undefined) return roleAllows(right.role, verb, resource);
  // Agents use addresses as statuses tell them, also on networks that tenants share.
  if (asked.subresource === "status" && verb !== "get") return false;
  if (namespace !== undefined && namespace !== "") {
    return isOfTenant(right.tenant, namespace, tenancy) && roleAllows(right.role, verb, resource);
  }
  if (resource === "tenants" && verb === "get") return name === right.tenant;
  return tenantRoleAllows(right.role, verb, resource);
}

function hostMay(
  host: string | undefined,
  verb: string,
  { resource, name }: { readonly resource: string; readonly name: string | undefined },
): boolean {
  if (host === undefined || !roleAllows("host", verb, resource)) return false;
  // A name that is not said yet is judged once the object is read.
  const isOwn = !resource.startsWith("hosts") || !name || name === host;
  return isOwn;
}

export function isOfTenant(tenant: string, namespace: string, tenancy: Tenancy): boolean {
  const labels = tenancy.labelsOf(namespace);
  return labels !== undefined && selects(tenancy.selectorOf(tenant), labels);
}

/** Whether who has these rights has all of that one: nobody gives more than he has. */
export function covers(rights: readonly Right[], wanted: Right): boolean {
  return rights.some((right) => {
    if (right.tenant !== undefined && right.tenant !== wanted.tenant) return false;
    if (wanted.role === "host") {
      // An admin of everything may do all that an agent may.
      return right.role === "admin" ? right.tenant === undefined : isSameHost(right, wanted);
    }
    return ladder.indexOf(right.role) >= ladder.indexOf(wanted.role);
  });
}

const isSameHost = (right: Right, wanted: Right) =>
  right.role === "host" && right.host !== undefined && right.host === wanted.host;

const where = ({ tenant, host }: Right): string =>
  (tenant === undefined ? "" : ` in tenant "${tenant}"`) +
  (host === undefined ? "" : ` of host "${host}"`);

function whyNot(rights: readonly Right[]): string {
  if (rights.length === 0) return "nothing was granted: ask an admin for a grant";
  const had = rights.map((right) => `"${right.role}"${where(right)}`);
  return `granted is ${[...new Set(had)].slice(0, 5).join(", ")}`;
}
