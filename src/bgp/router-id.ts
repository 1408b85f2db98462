/** A host's BGP identifier. Pure. */
import type { BgpHost } from "./input.ts";

/**
 * Its IPv4 address; where it has none, 32 bits of a hash of its name (FNV-1a). Another for each
 * host, and not zero (RFC 6286).
 */
export function routerIdOf({ name, addresses }: BgpHost): string {
  const own = addresses.find(({ address }) => !address.includes(":"));
  if (own) return own.address;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  const bytes = [24, 16, 8, 0].map((shift) => (hash >>> shift) & 255);
  // The first is of 1 to 223: some routers take no other for an identifier.
  return [1 + (bytes[0]! % 223), ...bytes.slice(1)].join(".");
}
