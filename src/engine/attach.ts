/** Attaches a container: from what IPAM gave to a link that works, or nothing at all. */
import type { Driver, ResultLink } from "../drivers/driver.ts";
import { changeLink } from "../kernel/netlink/link.ts";
import type { Begun } from "../lib/begun.ts";
import type { KernelObject } from "../model/kernel-object.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment, Port, PortIp, PortRoute } from "../model/port.ts";
import { bootId } from "./boot.ts";
import { ConflictError } from "./conflict.ts";
import { detach } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { establish } from "./establish.ts";
import { droppedFamilies } from "./foreign-policy.ts";
import { KernelFacts } from "./host-facts.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf, attachmentId, highMacOf, hostLinkName, macOf, sharedAlias } from "./names.ts";
import { type AttachmentRecord, readRecord } from "./record.ts";

/** What IPAM gives for an attachment; nothing on a network without IPAM. */
export interface Allocation {
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
  /** Begins to make the addresses survive a crash of the host. */
  readonly persist?: () => Begun;
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
