/** Gives an attachment one address from each range set, all or none. */
import { ConflictError, ExhaustedError } from "../../ipam/errors.ts";
import { type Pick, pickAddress } from "../../ipam/pick.ts";
import {
  capacity,
  formatRangeSet,
  isGateway,
  type RangeSet,
  rangeFor,
} from "../../ipam/range-set.ts";
import { formatIp, type Ip } from "../../lib/ip.ts";
import type { Attachment } from "../../model/port.ts";
import { held } from "./release.ts";
import { type Session, StaleIndexError } from "./session.ts";

export interface ReserveRequest extends Attachment {
  readonly rangeSets: readonly RangeSet[];
  /** For each range set the address it must give, or undefined. */
  readonly requested?: readonly (Ip | undefined)[];
}

/** Throws ConflictError, ExhaustedError, StoreError, having undone what it did. */
export function reserveAll(session: Session, request: ReserveRequest): Pick[] {
  const { directory, index } = session;
  const { containerId, ifName, rangeSets } = request;
  refuseSecond(session, request);
  const owner = { containerId, ifName };
  const given: Pick[] = [];
  try {
    for (const setIndex of rangeSets.keys()) {
      const pick = reserveOne(session, request, setIndex);
      given.push(pick);
      index.add(pick.ip, owner);
      directory.setLastReserved(setIndex, pick.ip);
    }
  } catch (error) {
    for (const { ip } of given) {
      directory.remove(ip);
      index.remove(ip, owner);
    }
    throw error;
  }
  return given;
}

/** What the attachment holds outside these ranges, of another configuration, does not count. */
function refuseSecond(session: Session, request: ReserveRequest): void {
  for (const { ip } of held(session, request)) {
    if (!request.rangeSets.some((set) => rangeFor(set, ip))) continue;
    throw new ConflictError(
      `"${request.containerId}" has ${formatIp(ip)} for "${request.ifName}" already: ` +
        "DEL it before another ADD",
    );
  }
}

function reserveOne(session: Session, request: ReserveRequest, setIndex: number): Pick {
  const { directory, index } = session;
  const { rangeSets, requested, containerId, ifName } = request;
  const set = rangeSets[setIndex]!;
  const owner = { containerId, ifName };
  const wish = requested?.[setIndex];
  const wishRange = wish && rangeFor(set, wish);
  if (wish && wishRange) {
    if (directory.create(wish, owner)) return { ip: wish, range: wishRange };
    throw new ConflictError(`${formatIp(wish)} is taken${holder(session, wish)}`);
  }
  for (;;) {
    const pick = pickAddress({
      set,
      last: directory.lastReserved(setIndex),
      avoid: (ip) => isGateway(rangeSets, ip),
      nextFree: (span) => index.nextFree(span),
    });
    if (!pick) throw exhausted(session, rangeSets, set);
    if (directory.create(pick.ip, owner)) return pick;
    if (!index.isFresh) throw new StaleIndexError(formatIp(pick.ip));
    // Somebody reserves without the lock: his file counts.
    index.add(pick.ip, directory.reservation(pick.ip)?.owner);
  }
}

function holder({ directory }: Session, ip: Ip): string {
  const owner = directory.reservation(ip)?.owner;
  return owner ? ` by container "${owner.containerId}"` : "";
}

/** Before the pool is called full the files are counted, not the index. */
function exhausted(
  { directory, index }: Session,
  rangeSets: readonly RangeSet[],
  set: RangeSet,
): Error {
  const size = capacity(set, rangeSets);
  const inUse = used(set, { taken: directory.addresses(), rangeSets });
  if (inUse < size && !index.isFresh) return new StaleIndexError(formatRangeSet(set));
  return new ExhaustedError(
    `No address is free in ${formatRangeSet(set)}: ${inUse} of ${size} are reserved in ` +
      `"${directory.path}"; remove containers or widen the range`,
  );
}

/** How many addresses that the set could give are taken. */
export function used(
  set: RangeSet,
  { taken, rangeSets }: { readonly taken: readonly Ip[]; readonly rangeSets: readonly RangeSet[] },
): bigint {
  const inSet = taken.filter((ip) => rangeFor(set, ip) && !isGateway(rangeSets, ip));
  return BigInt(inSet.length);
}
