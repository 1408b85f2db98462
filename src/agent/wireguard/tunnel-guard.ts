/**
 * What stands in the host's namespace before its tunnel does: packets of encrypted segments go and
 * come by the tunnel, or not at all. Pure.
 */
import { encryptedVxlanPort } from "../../model/encapsulation.ts";
import type { NftTableSpec } from "../../model/nft.ts";
import { tunnelLink, tunnelPrefix } from "./tunnel-address.ts";

/** Before anything of the host's own lets them pass. */
const priority = -310;
const ofSegments = `udp dport ${encryptedVxlanPort}`;

/** The table of an agent's instance. */
export const tunnelGuard = (instance: string): NftTableSpec => ({
  ...{ family: "inet", name: `netloom_${instance}_tunnel`, sets: [], maps: [] },
  chains: [
    {
      name: "input",
      hook: { type: "filter", hook: "input", priority },
      rules: [
        `${ofSegments} iifname != "${tunnelLink}" drop`,
        // Containers of routed networks are behind peers too.
        `${ofSegments} ip6 saddr != ${tunnelPrefix} drop`,
      ],
    },
    {
      name: "output",
      hook: { type: "filter", hook: "output", priority },
      rules: [
        `${ofSegments} oifname != "${tunnelLink}" drop`,
        // A program's: what the kernel wraps is no user's.
        `${ofSegments} meta skuid >= 0 drop`,
      ],
    },
    {
      name: "forward",
      hook: { type: "filter", hook: "forward", priority },
      // A container's, which may bear the host's address when it leaves.
      rules: [`ip6 daddr ${tunnelPrefix} drop`, `ip6 saddr ${tunnelPrefix} drop`],
    },
  ],
});
