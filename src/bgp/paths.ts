/** Paths between our words and those of GoBGP's API. Pure. */
import type { Family } from "../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { familyMessage } from "./family.ts";
import { addressPrefix, type any, attributes, type path } from "./gobgp/messages.ts";
import { decode, encode, type Fields, type Message } from "./gobgp/protobuf.ts";

type Path = Message<typeof path>;
type Any = Message<typeof any>;

const typePrefix = "type.googleapis.com/apipb.";

const pack = <F extends Fields>(name: string, fields: F, message: Message<F>): Any => ({
  typeUrl: typePrefix + name,
  value: encode(fields, message),
});

function unpack<F extends Fields>(name: string, fields: F, from?: Any): Message<F> | undefined {
  if (from?.typeUrl !== typePrefix + name) return undefined;
  return decode(fields, from.value ?? new Uint8Array());
}

/**
 * A path of this host's own. IPv4 goes with the session's own address; of IPv6 the next hop must be
 * named, since the session may be one of IPv4 (RFC 2545).
 */
export function ownPath(prefix: string, nextHop: string): Path {
  const { family, length } = parsePrefix(prefix);
  const nlri = pack("IPAddressPrefix", addressPrefix, { length, address: prefix.split("/")[0]! });
  const reach =
    family === 4
      ? pack("NextHopAttribute", attributes.NextHopAttribute, { nextHop })
      : pack("MpReachNLRIAttribute", attributes.MpReachNLRIAttribute, {
          family: familyMessage[6],
          nextHops: [nextHop],
          nlris: [nlri],
        });
  const origin = pack("OriginAttribute", attributes.OriginAttribute, { origin: 0 });
  return { family: familyMessage[family], nlri, attributes: [origin, reach] };
}

/** Communities (RFC 1997) of 32 bits each. */
export const communityAttribute = (communities: readonly number[]): Any =>
  pack("CommunitiesAttribute", attributes.CommunitiesAttribute, { communities });

export interface LearntPath {
  readonly prefix: string;
  readonly family: Family;
  readonly isWithdraw: boolean;
  /** Absent where it is withdrawn. */
  readonly nextHop?: string;
}

/** What the daemon learnt of others; undefined of paths of our own and of families that we lack. */
export function learntPath(of: Path): LearntPath | undefined {
  const prefix = unpack("IPAddressPrefix", addressPrefix, of.nlri);
  if (!prefix?.address) return undefined;
  const parsed = networkOf(parsePrefix(`${prefix.address}/${prefix.length ?? 0}`));
  const told = { prefix: formatPrefix(parsed), family: parsed.family };
  if (of.isWithdraw) return { ...told, isWithdraw: true };
  const nextHop = nextHopOf(of.attributes ?? []);
  // Of our own the daemon names no neighbour.
  if (!of.neighborIp || of.neighborIp === "<nil>" || nextHop === undefined) return undefined;
  return { ...told, isWithdraw: false, nextHop };
}

function nextHopOf(list: readonly Any[]): string | undefined {
  for (const each of list) {
    const plain = unpack("NextHopAttribute", attributes.NextHopAttribute, each);
    const reach = unpack("MpReachNLRIAttribute", attributes.MpReachNLRIAttribute, each);
    const found = plain?.nextHop ?? reach?.nextHops?.[0];
    if (found !== undefined) return found;
  }
  return undefined;
}
