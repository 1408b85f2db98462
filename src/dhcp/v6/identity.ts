/** Who a container is to DHCPv6 servers. */
import type { ClientOrder } from "../protocol.ts";

const uuidType = 4;

/**
 * The client's DUID and its IA's number, the same whenever the container asks: both are derived
 * from the client id, since nothing of a container lasts but its name.
 *
 * A DUID-UUID (RFC 6355): one made of the hardware address would be equal for all containers of an
 * ipvlan, which share one; one with an enterprise number needs a number; one with a time would
 * differ after the loss of our files, and the server would hold the old lease for nobody. The
 * UUID is of version 8 (RFC 9562), whose bits are anybody's own.
 */
export function identityOf({ clientId }: Pick<ClientOrder<unknown>, "clientId">): {
  readonly duid: Uint8Array;
  readonly iaid: number;
} {
  const digest = new Bun.CryptoHasher("sha256").update(Uint8Array.fromHex(clientId)).digest();
  const uuid = Uint8Array.from(digest.subarray(0, 16));
  uuid[6] = (uuid[6]! & 0x0f) | 0x80;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  // Servers remember declined and released addresses by both, so the second part is no constant.
  return { duid: Uint8Array.of(0, uuidType, ...uuid), iaid: digest.readUInt32BE(16) };
}
