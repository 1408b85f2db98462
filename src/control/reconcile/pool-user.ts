/** Whom a subnet's pools serve or not: what their selectors look at. */
import { labelsOfHost } from "../../api/kinds/host.ts";
import type { Host, Namespace, Port } from "../../api/kinds/index.ts";
import type { PoolUser } from "../../ipam/pool.ts";
import { tenantsOf } from "../objects/counts.ts";
import { find, type ReconcileContext } from "./reconciler.ts";

/** The host that has the port, or is to have it. */
export const hostOf = ({ spec, status }: Port): string | undefined =>
  status?.bindings?.find(({ active }) => active)?.host ?? spec.host;

export async function poolUserOf(context: ReconcileContext, port: Port): Promise<PoolUser> {
  const { namespace = "", labels = {} } = port.metadata;
  const home = await find<Namespace>(context, "Namespace", namespace);
  const [tenant] = await tenantsOf(context.objects.store, home?.metadata.labels);
  const hostName = hostOf(port);
  const host = hostName === undefined ? undefined : await find<Host>(context, "Host", hostName);
  return {
    ...(tenant && { tenant: tenant.metadata.labels ?? {} }),
    namespace: home?.metadata.labels ?? {},
    port: labels,
    ...(hostName !== undefined && {
      host: labelsOfHost(hostName, host?.metadata.labels),
    }),
  };
}
