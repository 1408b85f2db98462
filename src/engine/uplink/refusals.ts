/** Why a link can't be a bridge's uplink, each with what to do. */
import type { LinkInfo } from "../../kernel/netlink/link-info.ts";
import { ConfigError } from "../../model/config-error.ts";
import { type Carried, isLinkLocal, routeMaker } from "./carried.ts";
import type { Owner } from "./owner.ts";

/** What is known of a link that shall be an uplink for the first time. */
export interface Candidate {
  readonly link: LinkInfo;
  readonly carried: Carried;
  readonly bridge: string;
  /** Who made the bridge that is there already. */
  readonly bridgeIs: "absent" | "ours" | "foreign";
  /** The uplink that the bridge has already. */
  readonly otherUplink?: string;
  /** Name of the link's master. */
  readonly master?: string;
  /** Links on top of it that take its frames: macvlan, ipvlan. */
  readonly children: readonly LinkInfo[];
  readonly isLoopback: boolean;
  readonly isWireless: boolean;
  readonly owner?: Owner;
  readonly takeOver: boolean;
}

/** Throws ConfigError for a link that can't be an uplink at all, or not without `takeOver`. */
export function refuseUnfit(candidate: Candidate): void {
  for (const reason of reasons) {
    const why = reason(candidate);
    if (why !== undefined) throw unfit(candidate.link.name, why);
  }
  if (!candidate.takeOver) refuseManaged(candidate);
}

/** The error for a link that is not there. */
export function missing(name: string): ConfigError {
  return unfit(name, "there is no such link on this host: name one that `ip link` shows");
}

/** The error for a link of a container's. */
export function madeByUs(name: string): ConfigError {
  return unfit(name, "Netloom made it for a container: name a link to a physical network");
}

/** The error with its reason. */
export function unfit(name: string, why: string): ConfigError {
  return new ConfigError("uplink", `cannot use link "${name}": ${why}`);
}

const takeOver = 'or set "takeOver": true if nothing will put it back';

function refuseManaged(candidate: Candidate): void {
  const { link, owner } = candidate;
  if (owner) {
    throw unfit(
      link.name,
      `${owner.program} looks after it, and would undo the move: ${owner.remedy}, ${takeOver}`,
    );
  }
  refuseDynamic(link.name, candidate.carried);
}

/** Throws ConfigError for addresses and routes that their DHCP client or router would renew. */
export function refuseDynamic(name: string, { addresses, routes }: Carried): void {
  const address = addresses.find((info) => !info.permanent && !isLinkLocal(info));
  if (address) {
    const source = address.family === 2 ? "a DHCP client" : "a router's advertisement or DHCP";
    throw unfit(
      name,
      `its address ${address.address} is dynamic, and who got it from ${source} would put it ` +
        `back: make it static, ${takeOver}`,
    );
  }
  const route = routes.find(({ protocol }) => protocol in lentBy);
  if (!route) return;
  throw unfit(
    name,
    `its route to ${route.dst} came from ${lentBy[route.protocol]}, which would put it back: ` +
      `make it static, ${takeOver}`,
  );
}

const lentBy: Readonly<Record<number, string>> = {
  [routeMaker.routerAdvertisement]: "a router's advertisement",
  [routeMaker.dhcp]: "a DHCP client",
};

/** What no setting changes, in the order in which it is told. */
const reasons: readonly ((candidate: Candidate) => string | undefined)[] = [
  ({ isLoopback }) =>
    isLoopback ? "it is the loopback: name a link to a physical network" : undefined,
  ({ link }) =>
    link.kind === "bridge" ? "it is a bridge itself: name one of its ports" : undefined,
  ({ link }) =>
    link.mac === "" ? "it has no hardware address: name a wired Ethernet link" : undefined,
  ({ isWireless }) =>
    isWireless
      ? "it is wireless, and access points refuse frames of other senders: use ptp, or a wired link"
      : undefined,
  ({ master }) =>
    master === undefined
      ? undefined
      : `it is a port of "${master}" already: name that as the bridge, or take it out ` +
        "(ip link set … nomaster)",
  ({ children }) =>
    children.length === 0
      ? undefined
      : `${children[0]!.kind} "${children[0]!.name}" stands on it and takes its frames: ` +
        "attach those containers through the bridge too, or name another uplink",
  ({ link }) => (link.up ? undefined : `it is down: set it up first (ip link set ${link.name} up)`),
  ({ bridge, bridgeIs }) =>
    bridgeIs === "foreign"
      ? `bridge "${bridge}" is not Netloom's: put the link in it yourself ` +
        "(ip link set … master …), or name another bridge"
      : undefined,
  ({ bridge, otherUplink }) =>
    otherUplink === undefined
      ? undefined
      : `bridge "${bridge}" has the uplink "${otherUplink}" already, and two would make a loop: ` +
        "name another bridge",
  ({ carried }) => {
    const route = carried.routes.find(
      ({ nextHopId, encapsulation }) => nextHopId !== undefined || encapsulation !== undefined,
    );
    if (!route) return undefined;
    const how = route.nextHopId === undefined ? "wraps packets" : "leads to a next hop object";
    return `its route to ${route.dst} ${how}, which cannot be moved: remove the route`;
  },
  ({ carried }) => {
    const open = carried.addresses.find(({ tentative, dadFailed }) => tentative || dadFailed);
    if (!open) return undefined;
    return open.dadFailed
      ? `another machine has its address ${open.address}: remove it first`
      : `its address ${open.address} is still looked for on the network: try again in two seconds`;
  },
];
