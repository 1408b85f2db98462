/** Tenants: how much of their quotas they use. */
import type { Namespace, Tenant } from "../../api/kinds/index.ts";
import { tenantsOf, usedBy } from "../objects/counts.ts";
import {
  find,
  type ReconcileContext,
  type Reconciler,
  type Touch,
  writeStatus,
} from "./reconciler.ts";

export const tenantStatus: Reconciler = {
  name: "tenant-status",
  pauseMs: 1000,
  touched: ({ plural, object, previous }: Touch) => {
    const { name, namespace } = (object ?? previous)!.metadata;
    if (plural === "tenants") return object ? [`tenant/${name}`] : [];
    if (plural === "namespaces") return [`namespace/${name}`];
    const counts = plural === "networks" || plural === "ports";
    return counts ? [`namespace/${namespace}`] : [];
  },
  async run(context, what) {
    const [sort, name = ""] = what.split("/");
    for (const tenant of await tenantsMeant(context, sort === "tenant", name)) {
      const used = await usedBy(context.objects.store, tenant);
      await writeStatus(context, tenant, ({ status }) => ({ ...status, used }));
    }
    return undefined;
  },
};

async function tenantsMeant(
  context: ReconcileContext,
  isTenant: boolean,
  name: string,
): Promise<Tenant[]> {
  if (isTenant) {
    const tenant = await find<Tenant>(context, "Tenant", name);
    return tenant ? [tenant] : [];
  }
  const namespace = await find<Namespace>(context, "Namespace", name);
  return namespace ? tenantsOf(context.objects.store, namespace.metadata.labels) : [];
}
