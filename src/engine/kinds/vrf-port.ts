/** A link's place in a VRF: entering or leaving, it takes its addresses and routes along. */
import { addAddress, listAddresses } from "../../kernel/netlink/address.ts";
import { changeLink } from "../../kernel/netlink/link.ts";
import { getLink } from "../../kernel/netlink/link-info.ts";
import { appendRoute } from "../../kernel/netlink/route.ts";
import { listRoutes, type RouteInfo } from "../../kernel/netlink/route-info.ts";
import { addressFamily } from "../../kernel/netlink/rtm.ts";
import type { VrfPortObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import { ConflictError } from "../conflict.ts";
import type { KernelSession } from "../kernel-session.ts";

const mainTable = 254;
const kernelProtocol = 2;

export function observeVrfPorts(
  session: KernelSession,
  ports: readonly VrfPortObject[],
): VrfPortObject[] {
  return ports.flatMap((port) => {
    const { socket } = session.namespace(port.netns);
    const index = session.namespace(port.netns).findLink(port.link)?.master;
    const master = index === undefined ? undefined : getLink(socket, { index });
    return master ? [{ ...port, vrf: master.name }] : [];
  });
}

export function applyVrfPorts(
  session: KernelSession,
  op: Step["op"],
  ports: readonly VrfPortObject[],
): void {
  for (const port of ports) {
    if (op !== "delete") enter(session, port);
    else if (session.isLinkThere(port.netns, port.link)) move(session, port, { table: mainTable });
  }
}

function enter(session: KernelSession, port: VrfPortObject): void {
  const { netns, link, vrf } = port;
  const { socket } = session.namespace(netns);
  const { master } = session.linkNow(netns, link);
  const target = session.linkNow(netns, vrf);
  if (master === target.index) return;
  if (master !== undefined) {
    const other = getLink(socket, { index: master })?.name ?? `link ${master}`;
    throw new ConflictError(
      `Cannot put link "${link}" into VRF "${vrf}": it is in "${other}" already. Take it out first`,
    );
  }
  // Before a link is in it: the kernel routes by a VRF that is up.
  socket.run([changeLink({ index: target.index }, { up: true })]);
  const { table } = target.data as { table: number };
  move(session, port, { master: target.index, table });
}

/** The kernel takes the link down and up, by which IPv6 addresses and others' routes are lost. */
export function move(
  session: KernelSession,
  { netns, link }: Pick<VrfPortObject, "netns" | "link">,
  to: { readonly master?: number; readonly table: number },
): void {
  const { index, master } = session.linkNow(netns, link);
  if (master === to.master) return;
  const { socket } = session.namespace(netns);
  const sixth = { index, family: addressFamily.inet6 };
  const addresses = listAddresses(socket, sixth).filter(isLasting);
  const from = to.table === mainTable ? tableOf(session, netns, master) : mainTable;
  const routes = listRoutes(socket, { oif: index, table: from, type: "unicast" });
  socket.run([changeLink({ index }, { master: to.master ?? 0 })]);
  session.namespace(netns).forget(link);
  const kept = new Set(listAddresses(socket, sixth).map(({ address }) => address));
  const missing = addresses.filter(({ address }) => !kept.has(address));
  // Nobody else has taken them in this moment.
  socket.run(missing.map(({ address, flags }) => addAddress(asItWas(index, address, flags))));
  const moved = routes.filter((route) => isMade(route) && route.oif === index);
  for (const withGateway of [false, true]) {
    const some = moved.filter(({ gateway }) => (gateway !== undefined) === withGateway);
    // Behind one that another link of the VRF has: that link may go.
    const requests = some.map(({ nextHops: _, ...route }) =>
      appendRoute({ ...route, table: to.table }),
    );
    socket.run(requests.map((request) => ({ ...request, tolerate: ["EEXIST"] })));
  }
}

const noPrefixRoute = 0x200;

function asItWas(index: number, address: string, flags: number) {
  return { index, address, dad: false, noPrefixRoute: (flags & noPrefixRoute) !== 0 };
}

function tableOf(session: KernelSession, netns: string, master: number | undefined): number {
  const { socket } = session.namespace(netns);
  const link = master === undefined ? undefined : getLink(socket, { index: master });
  return (link?.data as { table?: number } | undefined)?.table ?? mainTable;
}

function isLasting({ address, permanent }: { address: string; permanent: boolean }): boolean {
  return permanent && !address.startsWith("fe80:");
}

/** The kernel makes its own anew. */
function isMade({ protocol }: RouteInfo): boolean {
  return protocol !== kernelProtocol;
}
