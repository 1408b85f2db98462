/** What an attachment that exists looks like to what is added to it: read from the kernel. */
import { familyOf, hostPart } from "../drivers/container-side.ts";
import type { AttachedPort } from "../drivers/extra.ts";
import { getLink, type LinkInfo } from "../kernel/netlink/link-info.ts";
import { getRoute, listRoutes, type RouteInfo } from "../kernel/netlink/route-info.ts";
import { hostNetns, type LinkRoute } from "../model/kernel-object.ts";
import type { Attachment, PortIp, PortRoute } from "../model/port.ts";
import type { Engine } from "./engine.ts";
import { KernelFacts } from "./host-facts.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf, attachmentId } from "./names.ts";

/** An attachment as its plugin's result tells of it. */
export interface ToldAttachment extends Attachment {
  readonly network: string;
  readonly netns: string;
  readonly ips: readonly PortIp[];
  readonly routes: readonly PortRoute[];
}

/** The attachment with its links as they are. Each is looked up when asked for. */
export function describePort(engine: Engine, told: ToldAttachment): AttachedPort {
  const { session, paths } = engine;
  const id = attachmentId(paths, told);
  const { containerId, ifName, network, netns, ips, routes } = told;
  const host = session.namespace(hostNetns);
  const outer = once(() => hostEnd(session, told));
  const bridge = once(() => {
    const index = outer()?.bridgePort && outer()?.master;
    return index === undefined ? undefined : getLink(host.socket, { index })?.name;
  });
  const via = once(() => ({ 4: linkTo(session, ips, 4), 6: linkTo(session, ips, 6) }));
  const linkRoutes = once(() => routesOver(session, told));
  return {
    ...{ id, containerId, ifName, network, netns, alias: aliasOf(paths, id), ips, routes },
    link: new KernelFacts(engine).link({ netns, name: ifName }),
    get linkRoutes() {
      return linkRoutes();
    },
    get hostLink() {
      return outer()?.name;
    },
    get bridge() {
      return bridge();
    },
    get via() {
      return via();
    },
  };
}

const mainTable = 254;

function routesOver(session: KernelSession, { netns, ifName }: ToldAttachment): LinkRoute[] {
  const { socket } = session.namespace(netns);
  const oif = session.indexOf(netns, ifName);
  const found = listRoutes(socket, { oif, table: mainTable, type: "unicast" });
  return found.filter((route) => route.oif === oif).map(bare);
}

/** As it can be added again. IPv6 has no scopes. */
function bare(route: RouteInfo): LinkRoute {
  const { dst, gateway, source, priority, mtu, advmss, protocol, onlink } = route;
  const scopeId = dst.includes(":") ? undefined : route.scopeId;
  const all = { dst, gateway, source, priority, mtu, advmss, protocol, scopeId };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(given) as typeof all), ...(onlink && { onlink }) };
}

function once<T>(work: () => T): () => T {
  let done: { readonly value: T } | undefined;
  return () => {
    done ??= { value: work() };
    return done.value;
  };
}

/** The other end of the container's pair, if on the host; one index alone may agree by chance. */
function hostEnd(session: KernelSession, { netns, ifName }: ToldAttachment): LinkInfo | undefined {
  const inner = session.namespace(netns).findLink(ifName);
  if (inner?.kind !== "veth" || inner.link === undefined) return undefined;
  const { socket } = session.namespace(hostNetns);
  const outer = getLink(socket, { index: inner.link });
  return outer?.kind === "veth" && outer.link === inner.index ? outer : undefined;
}

/** The link on which the host reaches the container's address of a family. */
function linkTo(session: KernelSession, ips: readonly PortIp[], family: 4 | 6): string | undefined {
  const ip = ips.find(({ address }) => familyOf(address) === family);
  if (!ip) return undefined;
  const { socket } = session.namespace(hostNetns);
  const index = getRoute(socket, hostPart(ip.address))?.oif;
  return index === undefined ? undefined : getLink(socket, { index })?.name;
}
