/** Packets encrypted by the host's one WireGuard link, which knows who is behind which host. */
import { tunnelLink } from "../../wireguard/tunnel-address.ts";
import type { Entry } from "../entries.ts";
import type { Backend } from "./backend.ts";

export const wireguard: Backend = {
  base: () => [],

  reach({ peer, prefixes, tunnelTo }) {
    // Until then what is sent would be lost, and nobody told.
    const missing = tunnelTo(peer);
    if (missing) return missing;
    const device = tunnelLink;
    return prefixes.flatMap((dst): Entry[] => [
      { kind: "peer", device, dst, endpoint: peer },
      { kind: "route", type: "unicast", dst, device },
    ]);
  },
};
