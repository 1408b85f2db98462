/** What all hosts agree upon of their tunnels without telling each other. Pure. */
import { sha512 } from "../../engine/names.ts";
import { canonicalIp } from "../../lib/ip.ts";

/** A host's one link of kind `wireguard`, in its own namespace. */
export const tunnelLink = "nlw0";

/** UDP port, as most have it. */
export const tunnelPort = 51820;

/** Unique-local (RFC 4193): `fd`, and the letters of `netloom`. */
export const tunnelPrefix = "fd6e:6574:6c6f:6f6d::/64";

/** Each overlay asks for it with each change, for each host. */
const known = new Map<string, string>();
const mostKnown = 50_000;

/** A host's address in its tunnel, without prefix length: by its name in the API alone. */
export function tunnelAddressOf(host: string): string {
  const before = known.get(host);
  if (before !== undefined) return before;
  const groups = sha512(`tunnel ${host}`).slice(0, 16).match(/.{4}/g)!;
  const address = canonicalIp(tunnelPrefix.replace("::/64", `:${groups.join(":")}`));
  if (known.size >= mostKnown) known.clear();
  known.set(host, address);
  return address;
}
