/** Finds what an attachment holds, and frees it. */
import { formatIp, type Ip } from "../../lib/ip.ts";
import type { Attachment } from "../../model/port.ts";
import { type Owner, ownerText, type Reservation } from "./reservation-directory.ts";
import { provesStale, type Session, StaleIndexError } from "./session.ts";

/** What the attachment holds; if nothing, what its container holds by a record without link. */
export function held(
  { directory, index }: Session,
  { containerId, ifName }: Attachment,
): { ip: Ip; owner: Owner }[] {
  for (const owner of [{ containerId, ifName }, { containerId }]) {
    const addresses = index.addressesOf(owner);
    for (const ip of addresses) {
      const found = directory.reservation(ip)?.owner;
      if (!found || ownerText(found) !== ownerText(owner)) throw new StaleIndexError(formatIp(ip));
    }
    if (addresses.length > 0) return addresses.map((ip) => ({ ip, owner }));
  }
  return [];
}

/** Frees all, going on past failures, and gives them. Throws what failed, together. */
export function removeAll(
  { directory, index }: Session,
  reservations: readonly Reservation[],
): Reservation[] {
  const failures: unknown[] = [];
  for (const { ip, owner } of reservations) {
    try {
      directory.remove(ip);
      index.remove(ip, owner);
    } catch (error) {
      if (provesStale(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Cannot release all addresses");
  return [...reservations];
}

/**
 * The reservations that none of the valid attachments holds. A record without link name is any
 * link's of its container; one that names nobody is nobody's.
 */
export function unowned(
  reservations: readonly Reservation[],
  valid: readonly Attachment[],
): Reservation[] {
  const owners = new Set(valid.flatMap((each) => [ownerText(each), each.containerId]));
  return reservations.filter(({ owner }) => !owner || !owners.has(ownerText(owner)));
}
