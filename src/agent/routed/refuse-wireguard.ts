/** What a host without WireGuard can't have. */
import type { Network } from "../../api/kinds/index.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import { MissingModuleError } from "../../kernel/netlink/generic.ts";
import { WireguardLinks } from "../../kernel/netlink/wireguard-links.ts";
import { isEncrypted } from "../../model/encapsulation.ts";

/** For a port that comes. Throws CniError 11 where the kernel has no WireGuard. */
export function refuseWithoutWireguard({ metadata, spec }: Network): void {
  if (spec.type !== "routed" || !isEncrypted(spec)) return;
  try {
    new WireguardLinks()[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof MissingModuleError)) throw error;
    const { namespace, name } = metadata;
    throw new CniError(
      cniCodes.tryLater,
      `Cannot attach to network "${namespace}/${name}": its spec.backend is "wireguard". ` +
        `${error.message}, or take another backend`,
    );
  }
}
