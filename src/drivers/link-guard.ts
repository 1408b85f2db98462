/** The guard of a link that the host's packet filter does not see: inside its own namespace. */
import type { KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { guardedAddresses } from "./address-guard.ts";
import type { AdvertConfig, GuardConfig } from "./guard-config.ts";

/** What keeps the port's link, which has this hardware address, to what its network allows. */
export function linkGuardObjects(
  port: Port,
  config: AdvertConfig & Partial<GuardConfig>,
  mac: string,
): KernelObject[] {
  const { raGuard, macspoofchk = false, ipspoofchk = false } = config;
  const addresses = ipspoofchk ? guardedAddresses(port) : undefined;
  const keepsAddresses = addresses !== undefined && !port.awaitsAddresses;
  if (raGuard === false && !macspoofchk && !keepsAddresses) return [];
  return [
    {
      netns: port.netns,
      scope: attachmentScope(port.id),
      life: "exclusive",
      kind: "link-guard",
      table: `netloom_cni_${port.id}`,
      device: port.ifName,
      dropsRouterAdverts: raGuard !== false,
      ...(macspoofchk || keepsAddresses ? { mac } : {}),
      ...(keepsAddresses ? { addresses } : {}),
      isRequired: raGuard === true || macspoofchk || ipspoofchk,
    },
  ];
}
