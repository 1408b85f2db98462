/** A device of the host's in a container: taken there, and given back as it was. */
import { changeLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import { openNetns } from "../../kernel/netns/netns.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { type DeviceObject, hostNetns } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import { ConflictError } from "../conflict.ts";
import type { KernelSession } from "../kernel-session.ts";
import type { Carried } from "../uplink/carried.ts";
import { earlyAdditions, lateAdditions } from "../uplink/move.ts";

export function observeDevices(
  session: KernelSession,
  devices: readonly DeviceObject[],
): DeviceObject[] {
  return devices.flatMap((wanted) => {
    const found = session.namespace(wanted.netns).findLink(wanted.name);
    return found?.alias === wanted.device.name ? [{ ...wanted, up: found.up }] : [];
  });
}

export function applyDevices(
  session: KernelSession,
  op: Step["op"],
  devices: readonly DeviceObject[],
): void {
  session.flush();
  for (const object of devices) {
    if (op === "delete") giveBack(session, object);
    else if (op === "create") take(session, object);
    else raise(session, object);
  }
}

/**
 * Moved, renamed and marked in one request. The mark is the reference's: the name on the host, so
 * that either's DEL finds the way back. The kernel takes it down, and its addresses from it.
 */
function take(session: KernelSession, { netns, name, device }: DeviceObject): void {
  const host = session.namespace(hostNetns);
  const netNsFd = session.namespace(netns).fd;
  const change = changeLink({ index: device.index }, { netNsFd, name, alias: device.name });
  const op = `move link "${device.name}" to ${netns} as "${name}"`;
  host.socket.run([{ ...change, op }]);
  host.forget(device.name);
  session.namespace(netns).forget(name);
}

function raise(session: KernelSession, { netns, name }: DeviceObject): void {
  session.enqueue(netns, changeLink({ name }, { up: true }));
}

/** Wherever it is. One that died with its namespace, as a pair does, has nothing to come back. */
function giveBack(session: KernelSession, object: DeviceObject): void {
  const { device } = object;
  const inside = findInside(session, object);
  if (inside)
    takeHome(session, object.netns, { link: inside, name: device.name, alias: device.alias });
  else if (!findOutside(session, object)) return;
  restore(session, object);
}

/** By its mark: in the container it may have got another name. */
function findInside(session: KernelSession, object: DeviceObject): LinkInfo | undefined {
  if (!session.isThere(object.netns)) return undefined;
  const namespace = session.namespace(object.netns);
  const isIt = ({ alias }: LinkInfo) => alias === object.device.name;
  const found = namespace.findLink(object.name);
  return found && isIt(found) ? found : listLinks(namespace.socket).find(isIt);
}

/**
 * At home: never gone, or come back by itself when its namespace died, under the name it had there
 * (or a number, where that was taken) and with its mark. Gets its name again.
 */
function findOutside(session: KernelSession, { device }: DeviceObject): boolean {
  const host = session.namespace(hostNetns);
  host.forget(device.name);
  const marked = listLinks(host.socket).find(({ alias }) => alias === device.name);
  if (!marked) return host.findLink(device.name)?.mac === device.mac;
  if (marked.name === device.name) return true;
  refuseTaken(session, device.name);
  const { index } = marked;
  host.socket.run([
    changeLink({ index }, { up: false }),
    changeLink({ index }, { name: device.name, alias: device.alias ?? "" }),
  ]);
  host.forget(device.name);
  return true;
}

/** Moves a link of a container's to the host under a name. Throws ConflictError, NetlinkError. */
export function takeHome(
  session: KernelSession,
  netns: string,
  { link, name, alias = "" }: { link: LinkInfo; name: string; alias?: string | undefined },
): void {
  refuseTaken(session, name);
  const namespace = session.namespace(netns);
  const host = session.namespace(hostNetns);
  const own = host.fd === undefined ? openNetns("/proc/thread-self/ns/net") : undefined;
  try {
    const netNsFd = host.fd ?? own;
    const change = changeLink({ index: link.index }, { netNsFd, name, alias });
    namespace.socket.run([{ ...change, op: `move link "${link.name}" to the host as "${name}"` }]);
  } finally {
    if (own !== undefined) closeSync(own);
  }
  namespace.forget(link.name);
  host.forget(name);
}

function refuseTaken(session: KernelSession, name: string): void {
  if (!getLink(session.namespace(hostNetns).socket, { name })) return;
  throw new ConflictError(
    `Cannot give link "${name}" back to the host: another link has that name now. ` +
      "Rename that one, then DEL again",
  );
}

/** What the host had set: address and MTU first, then up, for routes stand on links that are. */
function restore(session: KernelSession, { device }: DeviceObject): void {
  const { name, mac, mtu, promisc, up } = device;
  const carried = device.carried as Carried;
  const host = session.namespace(hostNetns);
  const link = session.linkNow(hostNetns, name);
  const { index } = link;
  const master = device.master === undefined ? undefined : host.findLink(device.master)?.index;
  const to = { index, name };
  const from = { index: device.index, name };
  const settings = {
    ...(mac !== "" && link.mac !== mac && { mac }),
    ...(link.mtu !== mtu && { mtu }),
    ...(link.promisc !== promisc && { promisc }),
    ...(master !== undefined && link.master !== master && { master }),
  };
  host.socket.run([
    changeLink({ index }, { ...settings, alias: device.alias ?? "" }),
    changeLink({ index }, { up }),
  ]);
  host.socket.run(earlyAdditions({ carried, from, to }).map(asFarAsPossible));
  host.socket.run(lateAdditions({ carried, from, to }).map(asFarAsPossible));
  host.forget(name);
}

/** A gateway may have gone meanwhile: the device is given back all the same. */
function asFarAsPossible<T extends { readonly tolerate?: readonly string[] }>(item: T): T {
  const tolerate = [...(item.tolerate ?? []), "EEXIST", "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"];
  return { ...item, tolerate };
}
