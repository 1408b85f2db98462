/** What roles may do, as a table. */

const read = ["get", "list", "watch"] as const;
const write = ["create", "update", "patch", "delete", "deletecollection"] as const;
const all = [...read, ...write];
const change = ["get", "update", "patch"] as const;

export type Role = "viewer" | "editor" | "admin" | "host";
type Table = Readonly<Record<string, readonly string[]>>;

/** What is in namespaces, and what of it has a status. */
const inNamespaces = ["networks", "subnets", "ports"];
/** All of the cluster's but tokens: their hashes are for those alone who may make tokens. */
const ofCluster = [
  ...["namespaces", "tenants", "hosts", "ippools", "ipblocks", "grants"],
  ...["bgpconfigurations", "bgppeers"],
];

const each = (resources: readonly string[], verbs: readonly string[]): Table =>
  Object.fromEntries(resources.map((resource) => [resource, verbs]));
const statuses = (resources: readonly string[], verbs: readonly string[]): Table =>
  each(
    resources.map((resource) => `${resource}/status`),
    verbs,
  );
const withStatus = [...inNamespaces, ...ofCluster];

const viewer: Table = {
  ...each(withStatus, read),
  ...statuses(withStatus, ["get"]),
};

const editor: Table = { ...viewer, ...each(inNamespaces, all) };

/** The status of tokens is the server's own: who could write hashes could make any token. */
const admin: Table = {
  ...editor,
  ...each([...ofCluster, "tokens"], all),
  ...statuses(withStatus, change),
  "tokens/status": ["get"],
  "hosts/nodespec": ["watch"],
};

/** Each of these on objects of its own alone, as `affected.ts` says. */
const host: Table = {
  hosts: ["get", "create"],
  "hosts/status": change,
  "hosts/nodespec": ["watch"],
  ports: ["get", "create", "delete"],
  "ports/status": change,
  ipblocks: ["get"],
  "ipblocks/status": change,
};

export const roles: Readonly<Record<Role, Table>> = { viewer, editor, admin, host };

/** Each may do what those before it may. */
export const ladder: readonly Role[] = ["viewer", "editor", "admin"];

/** Of the cluster, but within reach of a tenant's admins where the object names their tenant. */
const namingTenants = ["grants", "tokens"];
const onNamingTenants = [...read, "create", "update", "patch", "delete"];

/** Whether the role allows it somewhere. `resource` may be `ports/status`. */
export function roleAllows(role: Role, verb: string, resource: string): boolean {
  const table = roles[role];
  return Object.hasOwn(table, resource) && table[resource]!.includes(verb);
}

/** Whether the role, in a tenant alone, allows it on what belongs to no namespace. */
export function tenantRoleAllows(role: Role, verb: string, resource: string): boolean {
  return role === "admin" && namingTenants.includes(resource) && onNamingTenants.includes(verb);
}
