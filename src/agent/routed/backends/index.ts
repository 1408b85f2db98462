/** The backends: a line each here, a file each beside. */
import type { Network } from "../../../api/kinds/index.ts";
import { ConfigError } from "../../../model/config-error.ts";
import type { Backend } from "./backend.ts";
import { bgp } from "./bgp.ts";
import { hostGw } from "./host-gw.ts";
import { udp } from "./udp.ts";
import { vxlan } from "./vxlan.ts";
import { wireguard } from "./wireguard.ts";

export const backends: Readonly<Record<string, Backend>> = {
  "host-gw": hostGw,
  vxlan,
  bgp,
  udp,
  wireguard,
};

export const backendOf = ({ backend = "vxlan" }: Pick<Network["spec"], "backend">) =>
  Object.hasOwn(backends, backend) ? backends[backend] : undefined;

/** What this build can't do for a routed network. Throws ConfigError. */
export function refuseBackend({ spec }: Network): void {
  if (spec.type !== "routed") return;
  if (!backendOf(spec)) {
    const known = Object.keys(backends).map((name) => `"${name}"`);
    throw new ConfigError(
      "spec.backend",
      `this release has no "${spec.backend}": take ${known.join(", ")}`,
    );
  }
  if (spec.vxlan?.checksumOffload === false) {
    throw new ConfigError(
      "spec.vxlan.checksumOffload",
      'cannot be false with type "routed": switch it off on the card ("ethtool -K")',
    );
  }
}
