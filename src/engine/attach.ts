/** Attaches a container: from what IPAM gave to a link that works, or nothing at all. */
import type { Driver, HostFacts, ResultLink } from "../drivers/driver.ts";
import type { AttachedPort } from "../drivers/extra.ts";
import { inTablesOf } from "../drivers/instance-tables.ts";
import { changeLink } from "../kernel/netlink/link.ts";
import type { Begun } from "../lib/begun.ts";
import { hostNetns, isShared, type KernelObject, type VethLink } from "../model/kernel-object.ts";
import type { Attachment, Port, PortIp, PortRoute } from "../model/port.ts";
import { routesOn, withoutDetours } from "../plan/moved-routes.ts";
import { addedLink } from "./added-link.ts";
import { bootId } from "./boot.ts";
import { ConflictError } from "./conflict.ts";
import { detach } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { type Circumstances, establish } from "./establish.ts";
import { droppedFamilies } from "./foreign-policy.ts";
import { KernelFacts } from "./host-facts.ts";
import type { KernelSession } from "./kernel-session.ts";
import { settingsOn } from "./kinds/link-settings.ts";
import { aliasOf, attachmentId, highMacOf, hostLinkName, macOf, sharersOf } from "./names.ts";
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
  /** What IPAM gave; asked for only once the container's link is up where it is a function. */
  readonly allocation: Allocation | (() => Promise<Allocation>);
  /** What the attachment needs beyond its driver's objects. */
  readonly extras?: (port: AttachedPort, facts: HostFacts) => readonly KernelObject[];
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
  /** Links that extras made, which follow these. */
  readonly added: readonly AttachedLink[];
  readonly port: Port;
  /** What the operator should know, though all is made. */
  readonly warnings: readonly string[];
}

/**
 * Makes the attachment whole, or throws and leaves nothing of it. Throws ConfigError,
 * ConflictError, NetlinkError, NftError, SysError, and what a late allocation throws.
 */
export async function attach<C>(engine: Engine, request: AttachRequest<C>): Promise<Attached> {
  refuseTaken(engine.session, request);
  const { allocation } = request;
  if (typeof allocation !== "function") return finish(engine, request, { allocation });
  const { first, desired: made } = await raise(engine, request);
  let given: Allocation;
  try {
    given = await allocation();
  } catch (error) {
    await detach(engine, first);
    throw error;
  }
  return finish(engine, request, { allocation: given, made });
}

/** The attachment without addresses: its link is up, so that they can be asked for on it. */
async function raise<C>(engine: Engine, request: AttachRequest<C>) {
  const port = { ...portOf(engine, request, { ips: [], routes: [] }), awaitsAddresses: true };
  const facts = new KernelFacts(engine);
  // First, so that what an earlier ADD took is where it was before.
  await removeLeftover(engine, port, request.maker);
  const own = await ownObjects(engine, request, { port, facts });
  const desired = inTablesOf(facts.instance, own);
  const first = recordOf(engine, request, desired);
  await establish(engine, first, conflictsOf(request));
  return { first, desired };
}

/** What the driver wants. An uplink's other users may know it by an earlier name. */
async function ownObjects<C>(
  { session }: Engine,
  { driver, config, network }: AttachRequest<C>,
  { port, facts }: { readonly port: Port; readonly facts: HostFacts },
): Promise<KernelObject[]> {
  const own = [...driver.network(config, network, facts), ...driver.port(port, config, facts)];
  if (!own.some(({ kind }) => kind === "uplink")) return own;
  const { byNameTaken } = await import("./uplink/renamed.ts");
  return byNameTaken(session, own);
}

interface Progress {
  readonly allocation: Allocation;
  /** What exists of the attachment already. */
  readonly made?: readonly KernelObject[];
}

async function finish<C>(
  engine: Engine,
  request: AttachRequest<C>,
  { allocation, made }: Progress,
): Promise<Attached> {
  const { session } = engine;
  const { driver, config } = request;
  const undone = { id: attachmentId(engine.paths, request), maker: request.maker };
  try {
    const facts = new KernelFacts(engine);
    const port = driver.complete(portOf(engine, request, allocation), config);
    // First, so that what an earlier ADD changed is as it was before.
    if (!made) await removeLeftover(engine, port, request.maker);
    const { desired, extra } = await wantedObjects(engine, request, { port, facts });
    pinGateway(session, desired);
    const { persist } = allocation;
    const circumstances = { ...conflictsOf(request), persist, made };
    await establish(engine, recordOf(engine, request, desired), circumstances);
    const links = attachedLinks(session, driver.links(port, config), desired);
    return {
      links: made ? links.map((link) => asItIs(session, link)) : links,
      added: attachedLinks(session, extra.flatMap(addedLink), desired),
      port,
      warnings: driver.warnings?.(port, config, facts) ?? [],
    };
  } catch (error) {
    const left = made && readRecord(engine.paths, undone);
    if (left) await detach(engine, left);
    throw error;
  }
}

/** The attachment as it is to be. Throws ConfigError. */
async function wantedObjects<C>(
  engine: Engine,
  request: AttachRequest<C>,
  { port, facts }: { readonly port: Port; readonly facts: HostFacts },
) {
  const own = await ownObjects(engine, request, { port, facts });
  const gateway = request.driver.gatewayLink(port, request.config);
  const extra = request.extras?.(attachedPort(port, gateway, own), facts) ?? [];
  const wanted = withoutDetours([...own, ...extra]);
  if (gateway) wanted.push(...(await passForeignPolicy(engine.session, wanted, port, gateway)));
  return { desired: inTablesOf(facts.instance, wanted), extra };
}

/** What an attachment with this allocation is to consist of. Throws ConfigError. */
export async function objectsWanted<C>(
  engine: Engine,
  request: AttachRequest<C> & { readonly allocation: Allocation },
): Promise<readonly KernelObject[]> {
  const facts = new KernelFacts(engine);
  const { driver, config, allocation } = request;
  const port = driver.complete(portOf(engine, request, allocation), config);
  return (await wantedObjects(engine, request, { port, facts })).desired;
}

export function conflictsOf<C>({
  driver,
  config,
}: AttachRequest<C>): Pick<Circumstances, "conflicts"> {
  return { conflicts: (wanted, found) => driver.conflicts?.(config, wanted, found) ?? [] };
}

/** The port as what is added to it sees it. */
function attachedPort(
  port: Port,
  gateway: string | undefined,
  desired: readonly KernelObject[],
): AttachedPort {
  const isOwn = (object: KernelObject): object is VethLink =>
    object.kind === "link" && object.type === "veth" && object.name === port.hostLink;
  const pair = desired.find(isOwn);
  const { hostLink: _, ...rest } = port;
  return {
    ...rest,
    ...(pair && { hostLink: pair.name, hostMtu: pair.mtu }),
    ...(pair?.master !== undefined && { bridge: pair.master }),
    via: gateway === undefined ? {} : { 4: gateway, 6: gateway },
    get linkRoutes() {
      return routesOn(desired, { netns: port.netns, link: port.ifName });
    },
  };
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
    if (object.kind !== "address" || object.netns !== hostNetns || !isShared(object)) continue;
    const link = session.namespace(hostNetns).findLink(object.link);
    if (link?.kind !== "bridge" || sharersOf(link.alias).length > 0) continue;
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

function portOf(
  { paths }: Engine,
  request: AttachRequest<any>,
  { ips, routes }: Pick<Allocation, "ips" | "routes">,
): Port {
  const { containerId, ifName, network, netns } = request;
  const id = attachmentId(paths, request);
  return {
    id,
    containerId,
    ifName,
    network,
    netns,
    hostLink: hostLinkName(paths, id),
    mac: request.mac ?? macOf(`container ${id}`),
    hostMac: highMacOf(`host ${id}`),
    alias: aliasOf(paths, id),
    ips,
    routes,
  };
}

function recordOf(
  { session, paths }: Engine,
  request: AttachRequest<any>,
  objects: readonly KernelObject[],
): AttachmentRecord {
  const { containerId, ifName, network, netns, maker, aliases } = request;
  return {
    version: 1,
    boot: bootId(),
    id: attachmentId(paths, request),
    maker,
    containerId,
    ifName,
    network,
    netns,
    ...session.identity(netns),
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
  const ends = objects.flatMap(endsOf);
  return links.flatMap(({ netns, name }) => {
    const end = ends.find((end) => end.netns === netns && end.name === name);
    const own = end && { ...end, ...settingsOn(objects, { netns, name }) };
    const link = own ?? sharedLink(session, netns, name);
    // A device that a program drives has no link.
    return link ? [{ netns, name, mac: link.mac ?? "", mtu: link.mtu ?? 0 }] : [];
  });
}

/** Whoever gave the addresses late had the container's link before, and may have set its MTU. */
function asItIs(session: KernelSession, link: AttachedLink): AttachedLink {
  if (link.netns === hostNetns) return link;
  return { ...link, mtu: session.linkNow(link.netns, link.name).mtu };
}

/** One that is not ours may have changed with its new port. */
function sharedLink(session: KernelSession, netns: string, name: string) {
  const known = session.namespace(netns).findLink(name);
  return known === undefined || sharersOf(known.alias).length > 0
    ? known
    : session.linkNow(netns, name);
}

/** The links that are the attachment's own, with what we gave them. */
function endsOf(object: KernelObject) {
  if (object.kind !== "link" || isShared(object)) return [];
  return object.type === "veth" ? [object, object.peer] : [object];
}
