/** Publishes ports of a container that is attached already, by whatever plugin. */
import { familyOf, hostPart } from "../drivers/container-side.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import type { PortmapConfig } from "../drivers/portmap-config.ts";
import { changeBridgePort } from "../kernel/netlink/link.ts";
import { getLink } from "../kernel/netlink/link-info.ts";
import { getRoute } from "../kernel/netlink/route-info.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment, PortIp } from "../model/port.ts";
import { bootId } from "./boot.ts";
import { CheckError, type CheckRequest, checkAttachment } from "./check.ts";
import { detach } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { establish } from "./establish.ts";
import { aliasOf, attachmentId } from "./names.ts";
import { readRecord } from "./record.ts";

/** Ports to publish. */
export interface PublishRequest extends Attachment {
  readonly network: string;
  readonly netns: string;
  readonly maker: string;
  /** The container's addresses. */
  readonly ips: readonly PortIp[];
  /** Links on the host that the plugins before made. */
  readonly hostLinks: readonly string[];
  readonly config: PortmapConfig;
}

/** Publishes all mappings or none. Throws ConflictError naming the holder of a port, NftError. */
export async function publish(engine: Engine, request: PublishRequest): Promise<void> {
  const { containerId, ifName, network, netns, maker, ips, config } = request;
  const id = attachmentId(request);
  const old = readRecord(engine.paths, { id, maker });
  if (old) await detach(engine, old);
  const objects = portmapObjects({
    id,
    alias: aliasOf(id),
    ips,
    via: { 4: linkTo(engine, ips, 4), 6: linkTo(engine, ips, 6) },
    ...config,
  });
  if (objects.length === 0) return;
  const record = {
    version: 1,
    boot: bootId(),
    id,
    maker,
    containerId,
    ifName,
    network,
    netns,
  } as const;
  await establish(engine, { ...record, objects });
  allowHairpin(engine, request.hostLinks);
}

/** As `withHairpin`, for a port of a bridge that another plugin made. */
function allowHairpin({ session }: Engine, hostLinks: readonly string[]): void {
  const host = session.namespace(hostNetns);
  for (const name of hostLinks) {
    const link = host.findLink(name);
    if (link?.kind !== "veth" || !link.bridgePort || link.bridgePort.hairpin) continue;
    session.enqueue(hostNetns, changeBridgePort({ name }, { hairpin: true }));
  }
  session.flush();
}

/**
 * Throws CheckError unless the mappings are in force: by our record, or as the reference made them.
 * Throws NftError.
 */
export async function checkPublished(
  engine: Engine,
  request: PublishRequest & Pick<CheckRequest, "result">,
): Promise<void> {
  await checkAttachment(engine, request);
  const id = attachmentId(request);
  const isOwn = readRecord(engine.paths, { id, maker: request.maker }) !== undefined;
  if (isOwn || request.config.mappings.length === 0) return;
  const { hasReferenceLeftovers } = await import("./reference-leftovers.ts");
  if (await hasReferenceLeftovers(engine, "portmap", request)) return;
  throw new CheckError(
    `The published ports of "${request.containerId}" are not in force: DEL and ADD it again`,
  );
}

/** The link on which the host reaches the container's address of a family. */
function linkTo({ session }: Engine, ips: readonly PortIp[], family: 4 | 6): string | undefined {
  const ip = ips.find(({ address }) => familyOf(address) === family);
  if (!ip) return undefined;
  const { socket } = session.namespace(hostNetns);
  const index = getRoute(socket, hostPart(ip.address))?.oif;
  return index === undefined ? undefined : getLink(socket, { index })?.name;
}
