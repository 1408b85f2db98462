/** When a port may not become this host's, in words for the caller. Pure. */
import type { Port } from "../../api/kinds/index.ts";
import { claimedAddresses } from "../../api/kinds/port.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import type { PortRecord } from "../port-records.ts";

const named = ({ namespace, name }: PortRecord["port"]) => `Port "${namespace}/${name}"`;

const tryLater = (message: string) => new CniError(cniCodes.tryLater, message);

export const beingDeleted = (port: PortRecord["port"]): CniError =>
  tryLater(`${named(port)} is being deleted: try again once it is gone`);

/** The port as it is now. Throws CniError 11 unless it is to be had with the record's addresses. */
export function bindable(
  port: Port | undefined,
  {
    record: { port: name, addresses },
    host,
  }: { readonly record: PortRecord; readonly host: string },
): Port {
  if (!port) throw tryLater(`${named(name)} was deleted meanwhile: try again`);
  if (port.metadata.deletionTimestamp) throw beingDeleted(name);
  const other = port.status?.bindings?.find((one) => one.active && one.host !== host)?.host;
  if (other !== undefined && port.spec.host === undefined) {
    throw tryLater(`${named(name)} came to host "${other}" meanwhile: detach it there first`);
  }
  const claimed = claimedAddresses(port).map(({ address }) => address);
  const lost = addresses.find((one) => one.claimed && !claimed.includes(one.address));
  if (!lost) return port;
  throw tryLater(`${named(name)} does not have address ${lost.address} any more: try again`);
}

/** Whether it is of an attachment of this port that is over. */
export const isGoneOf = (port: PortRecord["port"], record: PortRecord): boolean =>
  record.stage === "gone" &&
  record.port.namespace === port.namespace &&
  record.port.name === port.name;

/**
 * The record with the binding of those of its port that are over, if that was confirmed and nobody
 * was told that it ended, and if they had its addresses. What was told in vain may have been heard.
 */
export function inherited(record: PortRecord, last: readonly PortRecord[]): PortRecord | undefined {
  const bound = last.findLast(({ isBound }) => isBound);
  if (!bound || last.some(({ isUnbound }) => isUnbound)) return undefined;
  const had = bound.addresses.map(({ address }) => address);
  if (record.addresses.some(({ address, claimed }) => claimed && !had.includes(address)))
    return undefined;
  const epoch = Math.max(...[record, ...last].map((each) => each.epoch ?? 0));
  return { ...record, portUid: bound.portUid, epoch, isBound: true };
}

/** The control plane alone knows whether the port's addresses are still its own. */
export const notBound = ({ port }: PortRecord, cause: Error): CniError =>
  new CniError(
    cniCodes.tryLater,
    `${named(port)} has addresses that the control plane holds, and it has not confirmed that host ` +
      `and port belong together: ${cause.message}. Try again once it is reached`,
    "",
    { cause },
  );
