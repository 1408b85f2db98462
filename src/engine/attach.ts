/** Attaches a container: from what IPAM gave to a link that works, or nothing at all. */
import type { Driver, ResultLink } from "../drivers/driver.ts";
import { changeLink } from "../kernel/netlink/link.ts";
import type { AddressObject, KernelObject } from "../model/kernel-object.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment, Port, PortIp, PortRoute } from "../model/port.ts";
import { plan, type Step } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { bootId } from "./boot.ts";
import { ConflictError } from "./conflict.ts";
import { detach, dismantle } from "./detach.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import { droppedFamilies } from "./foreign-policy.ts";
import { explained, refuseOverlaps } from "./holder.ts";
import { KernelFacts } from "./host-facts.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf, attachmentId, highMacOf, hostLinkName, macOf, sharedAlias } from "./names.ts";
import { observe } from "./observe.ts";
import { settleLinks } from "./ready.ts";
import { type AttachmentRecord, readRecord, removeRecord, writeRecord } from "./record.ts";
import { isInUse, markInUse, restoreIfErased } from "./restore.ts";

/** What IPAM gives for an attachment; nothing on a network without IPAM. */
export interface Allocation {
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
  /** Begins to make the addresses survive a crash of the host, and resolves once they do. */
  readonly persist?: () => Promise<void>;
}

/** One attachment to make. */
export interface AttachRequest<Config = unknown> extends Attachment {
  readonly network: string;
  /** Path of the container's namespace. */
  readonly netns: string;
  /** The plugin, for the record: `bridge`. */
  readonly maker: string;
  readonly driver: Driver<Config>;
  readonly config: Config;
  /** Hardware address that the user asks for. */
  readonly mac?: string;
  /** Other names of the container on this network. */
  readonly aliases?: readonly string[];
  readonly allocation: Allocation;
  /** What the attachment needs beyond its driver's objects. */
  readonly extras?: (port: Port, gatewayLink: string) => readonly KernelObject[];
}

/** A link of the result as it is in the kernel. */
export interface AttachedLink extends ResultLink {
  readonly mac: string;
  readonly mtu: number;
}

/** What was made. */
export interface Attached {
  /** In the order of CNI's `interfaces`; the last is the container's. */
  readonly links: readonly AttachedLink[];
  readonly port: Port;
}

/**
 * Makes the attachment whole, or throws and leaves nothing of it. Throws ConfigError,
 * ConflictError, NetlinkError, NftError, SysError.
 */
export async function attach<C>(engine: Engine, request: AttachRequest<C>): Promise<Attached> {
  const { session } = engine;
  const { driver, config } = request;
  refuseTaken(session, request);
  const facts = new KernelFacts(session);
  const port = driver.complete(portOf(request), config);
  const desired = [
    ...driver.network(config, request.network, facts),
    ...driver.port(port, config, facts),
    ...(request.extras?.(port, driver.gatewayLink(port, config)) ?? []),
  ];
  desired.push(
    ...(await passForeignPolicy(session, desired, port, driver.gatewayLink(port, config))),
  );
  await removeLeftover(engine, port, request.maker);
  pinGateway(session, desired);
  await establish(engine, recordOf(request, port.id, desired), {
    persist: request.allocation.persist,
    conflicts: (wanted, found) => driver.conflicts?.(config, wanted, found) ?? [],
  });
  return { links: attachedLinks(session, driver.links(port, config), desired), port };
}

/** Where a foreign firewall drops what it does not know, it is told of our packets. */
async function passForeignPolicy(
  session: KernelSession,
  desired: readonly KernelObject[],
  port: Port,
  link: string,
): Promise<KernelObject[]> {
  const dropped = droppedFamilies(session, desired);
  if (dropped.length === 0) return [];
  const { acceptInForeign } = await import("./foreign-accept.ts");
  const { forwardAcceptObject } = await import("../drivers/forward-accept.ts");
  await acceptInForeign(session, dropped);
  const isOwn = (object: KernelObject) =>
    object.kind === "link" && object.life === "exclusive" && object.name === link;
  return [forwardAcceptObject(port, link, desired.some(isOwn))];
}

/**
 * A bridge that somebody else made without an address of its own takes its ports' lowest one, and
 * changes it with them. Containers know their gateway by it: it is made to keep the one it has.
 */
function pinGateway(session: KernelSession, desired: readonly KernelObject[]): void {
  for (const object of desired) {
    if (object.kind !== "address" || object.netns !== hostNetns || object.life !== "shared")
      continue;
    const link = session.namespace(hostNetns).findLink(object.link);
    if (link?.kind !== "bridge" || link.alias === sharedAlias) continue;
    session.enqueue(hostNetns, changeLink({ index: link.index }, { mac: link.mac }));
  }
}

/** What an attachment brings along beside its record. */
export interface Circumstances {
  readonly persist?: () => Promise<void>;
  /** Of the addresses found, those that must go. Throws to refuse. */
  readonly conflicts?: (
    desired: readonly AddressObject[],
    observed: readonly AddressObject[],
  ) => readonly AddressObject[];
}

/** Writes the record, then makes its objects; undoes both when that fails. */
export async function establish(
  { session, paths }: Engine,
  record: AttachmentRecord,
  { persist, conflicts }: Circumstances = {},
): Promise<void> {
  const usesNft = record.objects.some(isNft);
  if (usesNft || isInUse(paths)) await restoreIfErased({ session, paths });
  writeRecord(paths, record);
  // The disk works while the kernel does, not while we write to it ourselves.
  const persisted = persist?.();
  const begun: KernelObject[] = [];
  try {
    const observed = observe(session, record.objects.filter(mayExist));
    refuseOtherKinds(record.objects, observed);
    const isAddress = (object: KernelObject) => object.kind === "address";
    const inTheWay = conflicts?.(record.objects.filter(isAddress), observed.filter(isAddress));
    const removals = (inTheWay ?? []).map((object): Step => ({ op: "delete", object }));
    refuseOverlaps(session, record.objects);
    if (usesNft) markInUse(paths);
    apply(session, [...removals, ...plan(record.objects, observed)], begun);
    await forgetUdp(session, record.objects);
    const detected = record.objects.filter(isDetected);
    if (detected.length > 0) await (await import("./settle.ts")).settle(session, detected);
    await settleLinks(session, begun);
    await persisted;
  } catch (caught) {
    // The disk must be done before its work is undone; its own failure is no second error.
    await Promise.allSettled([persisted]);
    const undone = await undo(session, begun);
    removeRecord(paths, record);
    const error = explained(paths, caught);
    throw undone ? new AggregateError([error, undone], (error as Error).message) : error;
  }
}

/** The kernel looks for duplicates of this address before it can be used. */
function isDetected(object: KernelObject): object is AddressObject {
  return object.kind === "address" && object.dad !== false && object.address.includes(":");
}

function isNft({ kind }: KernelObject): boolean {
  return kind === "nft-element" || kind === "nft-chain";
}

/** Shared objects may be there already; an attachment's own are not, and need no look. */
function mayExist(object: KernelObject): boolean {
  return object.life === "shared" && !isNft(object);
}

/** A link that has the bridge's name and is none belongs to somebody else. */
function refuseOtherKinds(
  desired: readonly KernelObject[],
  observed: readonly KernelObject[],
): void {
  const bridges = desired.filter((object) => object.kind === "link" && object.type === "bridge");
  for (const link of observed) {
    if (link.kind !== "link" || link.type !== "existing") continue;
    if (!bridges.some(({ name, netns }) => name === link.name && netns === link.netns)) continue;
    throw new ConflictError(
      `Cannot use link "${link.name}" as the bridge: it is of another kind. Name another bridge`,
    );
  }
}

async function undo(session: KernelSession, begun: readonly KernelObject[]): Promise<unknown> {
  try {
    await dismantle(session, begun);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Throws ConflictError where the container has a link of that name. */
export function refuseTaken(
  session: KernelSession,
  { netns, ifName }: { readonly netns: string; readonly ifName: string },
): void {
  if (!session.namespace(netns).findLink(ifName)) return;
  throw new ConflictError(
    `Cannot create link "${ifName}" in ${netns}: it exists already. ` +
      "Detach it first (DEL), or attach under another name",
  );
}

function portOf(request: AttachRequest<any>): Port {
  const { containerId, ifName, network, netns, allocation } = request;
  const id = attachmentId(request);
  return {
    id,
    containerId,
    ifName,
    network,
    netns,
    hostLink: hostLinkName(id),
    mac: request.mac ?? macOf(`container ${id}`),
    hostMac: highMacOf(`host ${id}`),
    alias: aliasOf(id),
    ...allocation,
  };
}

function recordOf(
  request: AttachRequest<any>,
  id: string,
  objects: readonly KernelObject[],
): AttachmentRecord {
  const { containerId, ifName, network, netns, maker, aliases } = request;
  return {
    version: 1,
    boot: bootId(),
    id,
    maker,
    containerId,
    ifName,
    network,
    netns,
    ...(aliases?.length ? { aliases } : {}),
    objects,
  };
}

/** An earlier ADD of this attachment was cut short, or its namespace went without a DEL. */
async function removeLeftover(engine: Engine, port: Port, maker: string): Promise<void> {
  const old = readRecord(engine.paths, { id: port.id, maker });
  if (old) await detach(engine, old);
  else if (engine.session.namespace(hostNetns).findLink(port.hostLink)) {
    throw new ConflictError(`Cannot create link "${port.hostLink}": it exists already`);
  }
}

/** As they were made; of one that was there before, as it is. */
function attachedLinks(
  session: KernelSession,
  links: readonly ResultLink[],
  objects: readonly KernelObject[],
): readonly AttachedLink[] {
  return links.map(({ netns, name }) => {
    const end = objects.flatMap(endsOf).find((end) => end.netns === netns && end.name === name);
    const { mac, mtu } = end ?? sharedLink(session, netns, name) ?? {};
    return { netns, name, mac: mac ?? "", mtu: mtu ?? 0 };
  });
}

/** One that is not ours may have changed with its new port. */
function sharedLink(session: KernelSession, netns: string, name: string) {
  const known = session.namespace(netns).findLink(name);
  return known === undefined || known.alias === sharedAlias ? known : session.linkNow(netns, name);
}

/** The links that are the attachment's own, with what we gave them. */
function endsOf(object: KernelObject) {
  if (object.kind !== "link" || object.life !== "exclusive") return [];
  return object.type === "veth" ? [object, object.peer] : [object];
}
