/**
 * Asks the network behind a link whether it takes frames of other hardware addresses than the
 * link's own, as containers on macvlan and on a bridge with an uplink send. A wireless access
 * point, a port of a switch that is secured, a hypervisor that forbids it all drop them silently.
 */
import { arpFilter } from "../dhcp/v4/filters.ts";
import { arpProbe, etherType, readArpFrame } from "../dhcp/v4/frame.ts";
import { macOf } from "../engine/names.ts";
import { changeLink, createLink, deleteLink } from "../kernel/netlink/link.ts";
import { type LinkInfo, requireLink } from "../kernel/netlink/link-info.ts";
import { listRoutes } from "../kernel/netlink/route-info.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { createNetns, openNetns, openSocketIn, removeNetns } from "../kernel/netns/netns.ts";
import { closeSync, readSync } from "../kernel/sys/files.ts";
import { bindPacketSocket, packetSocket, sendFrame } from "../kernel/sys/packet.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { type Finding, fault, fine, note, warning } from "./finding.ts";
import type { Host } from "./host.ts";

/** A neighbour answers within milliseconds; a switch that learns may swallow the first frame. */
const patienceMs = 600;
const tries = 3;

const remedy = (name: string) =>
  `use ipvlan on "${name}", whose containers send with the link's own address; or allow other ` +
  "addresses where frames are dropped (hypervisor: promiscuous mode and forged transmits; " +
  "switch: port security)";

/** Throws NetlinkError, NetnsError, SysError. */
export async function probeParent(host: Host, name: string): Promise<Finding> {
  const { socket, path } = host.session.namespace(hostNetns);
  const parent = host.session.namespace(hostNetns).findLink(name);
  if (!parent) return fault(`There is no link "${name}" to probe`, "ip -br link");
  if (!parent.up) return fault(`Link "${name}" is down`, `ip link set ${name} up`);
  const gateway = gatewayOn(socket, parent);
  if (!gateway) {
    const what = `No route leads through a gateway on "${name}": there is nobody to ask`;
    return note(what, `ip route add 0.0.0.0/0 via GATEWAY dev ${name} metric 9999`);
  }
  if (!(await isAnswered({ netns: path, link: parent, gateway }))) {
    const what = `The gateway ${gateway} does not answer "${name}" itself: nothing can be said`;
    return warning(what, `ping ${gateway}`);
  }
  if (await isChildAnswered(host, parent, gateway)) {
    return fine(`The network behind "${name}" takes frames of containers' own addresses`);
  }
  const what =
    `The gateway ${gateway} answers "${name}", but not a container's own hardware address on it: ` +
    "the network drops such frames, so macvlan and bridges with this uplink can't work";
  return fault(what, remedy(name));
}

function gatewayOn(socket: NetlinkSocket, { index }: LinkInfo): string | undefined {
  const routes = listRoutes(socket, { oif: index, family: addressFamily.inet });
  return routes.find(({ gateway }) => gateway !== undefined)?.gateway;
}

/** From a macvlan child in a namespace that is thrown away. */
async function isChildAnswered(
  { session, paths }: Host,
  parent: LinkInfo,
  gateway: string,
): Promise<boolean> {
  const path = `${paths.runDir}/doctor-probe-${process.pid}`;
  createNetns(path);
  const netNsFd = openNetns(path);
  try {
    const mac = macOf(`doctor ${parent.name}`);
    const spec = { kind: "macvlan", name: "probe", link: parent.index, mac, netNsFd } as const;
    const child = createLink({ ...spec, macvlan: { mode: "private" } });
    session.namespace(hostNetns).socket.run([child]);
    using inside = new NetlinkSocket("route", path);
    inside.run([changeLink({ name: "probe" }, { up: true })]);
    const link = requireLink(inside, { name: "probe" });
    const answered = await isAnswered({ netns: path, link, gateway });
    // Its namespace goes later than this process may, and the parent hears for it until then.
    inside.run([deleteLink({ name: "probe" })]);
    return answered;
  } finally {
    closeSync(netNsFd);
    removeNetns(path);
  }
}

interface Question {
  readonly netns: string;
  readonly link: LinkInfo;
  readonly gateway: string;
}

/** Whether the gateway answers an ARP probe (RFC 5227), which claims no address. */
async function isAnswered({ netns, link, gateway }: Question): Promise<boolean> {
  const fd = openSocketIn(netns, packetSocket);
  try {
    bindPacketSocket(fd, { index: link.index, etherType: etherType.arp }, arpFilter(gateway));
    for (let round = 0; round < tries; round++) {
      sendFrame(fd, link.index, arpProbe(link.mac, gateway));
      const deadline = performance.now() + patienceMs;
      while (performance.now() < deadline) {
        if (hasReply(fd, gateway)) return true;
        await Bun.sleep(5);
      }
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

function hasReply(fd: number, gateway: string): boolean {
  const frame = new Uint8Array(128);
  try {
    const arp = readArpFrame(frame.subarray(0, readSync(fd, frame)));
    return arp?.op === "reply" && arp.senderIp === gateway;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}
