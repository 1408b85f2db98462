/** Carries out a plan's steps, in order, in as few exchanges with the kernel as they allow. */
import { addAddress, removeAddress } from "../kernel/netlink/address.ts";
import { addRoute, removeRoute, replaceRoute } from "../kernel/netlink/route.ts";

import { netloomProtocol } from "../kernel/netlink/rtm.ts";
import { readSysctls, writeSysctls } from "../kernel/sysctl/sysctl.ts";

import { formatIp } from "../lib/ip.ts";
import { broadcastOf, parsePrefix } from "../lib/prefix.ts";
import {
  type AddressObject,
  isShared,
  type KernelObject,
  type KernelObjectKind,
  type NftChainObject,
  type ObjectOf,
  type RouteObject,
  type SysctlObject,
} from "../model/kernel-object.ts";
import type { Step } from "../plan/plan.ts";
import { applyLink } from "./apply-link.ts";
import { addElements, removeElements } from "./apply-nft.ts";
import type { KernelSession } from "./kernel-session.ts";
import { applyLinkSettings } from "./kinds/link-settings.ts";
import { applyNeighs } from "./kinds/neigh.ts";

/** Runs of steps of these kinds are carried out together. */
type Carrier<K extends KernelObjectKind> = (
  session: KernelSession,
  op: Step["op"],
  objects: readonly ObjectOf<K>[],
  chains: readonly NftChainObject[],
) => void;

const carriers: { [K in KernelObjectKind]: Carrier<K> } = {
  link: (session, op, links) => {
    for (const link of links) applyLink(session, op, link);
  },
  address: (session, op, addresses) => {
    for (const address of present(session, op, addresses)) enqueueAddress(session, op, address);
  },
  route: (session, op, routes) => {
    const found = present(session, op, routes);
    for (const route of found) enqueueRoute(session, op, route);
    moveRoutes(session, op, found);
  },
  sysctl: (session, op, sysctls) => {
    if (op === "delete") writeBack(session, sysctls);
    else writeAll(session, sysctls);
  },
  "link-settings": applyLinkSettings,
  device: (session, op, devices) => session.devices.applyDevices(session, op, devices),
  "vrf-port": (session, op, ports) => {
    session.flush();
    session.vrfPorts.applyVrfPorts(session, op, ports);
  },
  rule: (session, op, rules) => session.rules.applyRules(session, op, rules),
  uplink: (session, op, uplinks) => session.uplinks.applyUplinks(session, op, uplinks),
  "foreign-accept": (session, op, objects) =>
    session.foreignAccepts.applyForeignAccepts(session, op, objects),
  qdisc: (session, op, qdiscs) => session.traffic.applyQdiscs(session, op, qdiscs),
  filter: (session, op, filters) => session.traffic.applyFilters(session, op, filters),
  // Chains come with the elements that lead to them; none is removed while another may use it.
  "nft-chain": () => {},
  neigh: applyNeighs,
  "nft-skeleton": (session, op) => {
    if (op !== "delete") session.nft.ensure(session.skeleton);
  },
  "link-guard": (session, op, guards) => session.guards.applyGuards(session, op, guards),
  "nft-element": (session, op, elements, chains) => {
    session.flush();
    if (op === "delete") removeElements(session, elements);
    else addElements(session, elements, chains);
  },
};

/**
 * Carries out `steps`. `begun` collects the objects whose creation was begun, so that a caller can
 * undo them when a later step throws.
 */
export function apply(
  session: KernelSession,
  steps: readonly Step[],
  begun: KernelObject[] = [],
): void {
  const chains = steps.flatMap(({ op, object }) =>
    object.kind === "nft-chain" && op === "create" ? [object] : [],
  );
  for (const run of runs(steps)) {
    const { op, object } = run[0]!;
    const objects = run.map((step) => step.object);
    // Elements go in or stay out as one: there is nothing to undo after a refusal.
    const isAtomic = object.kind === "nft-element";
    if (op === "create" && !isAtomic) begun.push(...objects);
    carriers[object.kind](session, op, objects as never, chains);
    if (op === "create" && isAtomic) begun.push(...objects);
  }
  session.flush();
}

/** Neighbouring steps of one kind and one operation. */
function runs(steps: readonly Step[]): Step[][] {
  const found: Step[][] = [];
  for (const step of steps) {
    const last = found.at(-1);
    if (last && last[0]!.op === step.op && last[0]!.object.kind === step.object.kind) {
      last.push(step);
    } else {
      found.push([step]);
    }
  }
  return found;
}

/** To delete, only those whose link is there: the others went with it. */
function present<T extends AddressObject | RouteObject>(
  session: KernelSession,
  op: Step["op"],
  objects: readonly T[],
): readonly T[] {
  if (op !== "delete") return objects;
  return objects.filter(({ netns, link }) => session.isLinkThere(netns, link));
}

function enqueueAddress(session: KernelSession, op: Step["op"], object: AddressObject): void {
  const { netns, link, address, dad, prefixRoute } = object;
  const index = session.indexOf(netns, link);
  const item =
    op === "delete"
      ? removeAddress({ index, address })
      : addAddress({
          index,
          address,
          broadcast: broadcastText(address),
          dad,
          noPrefixRoute: prefixRoute === false,
          protocol: netloomProtocol,
        });
  // Two attachments of one network may bring the same gateway address at the same moment.
  const words = { ...item, op: item.op.replace(`link ${index}`, `link "${link}"`) };
  session.enqueue(netns, isShared(object) ? { ...words, tolerate: ["EEXIST"] } : words);
}

/** Programs that ask for it (SIOCGIFBRDADDR) find it only where it was set. */
function broadcastText(address: string): string | undefined {
  const broadcast = broadcastOf(parsePrefix(address));
  return broadcast && formatIp(broadcast);
}

function enqueueRoute(session: KernelSession, op: Step["op"], object: RouteObject): void {
  const { netns, link, kind: _, scope: __, life: ___, movedFrom: ____, ...route } = object;
  const spec = { ...route, oif: session.indexOf(netns, link) };
  const verbs = { create: addRoute, update: replaceRoute, up: addRoute, delete: removeRoute };
  session.enqueue(netns, verbs[op](spec));
}

/** What stands in its new table leaves the old one, or goes back to it: links before gateways. */
function moveRoutes(session: KernelSession, op: Step["op"], routes: readonly RouteObject[]): void {
  const moved = routes.filter(({ movedFrom }) => movedFrom !== undefined);
  const back = { tolerate: ["EEXIST", "ENETUNREACH", "EHOSTUNREACH", "EINVAL"] };
  for (const object of op === "delete" ? [...moved].reverse() : moved) {
    const { netns, link, kind: _, scope: __, life: ___, movedFrom, ...route } = object;
    const spec = { ...route, table: movedFrom, oif: session.indexOf(netns, link) };
    const request = op === "delete" ? { ...addRoute(spec), ...back } : removeRoute(spec);
    session.enqueue(netns, request);
  }
}

function writeAll(session: KernelSession, sysctls: readonly SysctlObject[]): void {
  session.flush();
  for (const netns of new Set(sysctls.map((sysctl) => sysctl.netns))) {
    const inside = sysctls.filter((sysctl) => sysctl.netns === netns);
    const { path } = session.namespace(netns);
    const right = rightAlready(path, inside);
    writeSysctls(
      path,
      inside.filter((sysctl) => !right.has(sysctl)),
    );
  }
}

/** Values that are worth keeping were read before they were changed. */
function writeBack(session: KernelSession, sysctls: readonly SysctlObject[]): void {
  session.flush();
  for (const { netns, path, before } of sysctls) {
    if (before === undefined) continue;
    try {
      writeSysctls(session.namespace(netns).path, [{ path, value: before }]);
    } catch (error) {
      // Gone with its link.
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }
}

/**
 * Even a write that changes nothing asks for the lock of all network configuration, and asks again
 * and again while another has it, which on a busy host is most of the time. Reading does not.
 */
const asksForLock = /\/(disable_ipv6|forwarding)$/;

/** Set on a link that others use too, and may have made without IPv6: absent is as good. */
const isOptional = (sysctl: SysctlObject) => isShared(sysctl) && sysctl.link !== undefined;

/** Those of the lock's sysctls that need no writing, and those that may be absent and are. */
function rightAlready(netns: string, sysctls: readonly SysctlObject[]): ReadonlySet<SysctlObject> {
  const asking = sysctls.filter((sysctl) => asksForLock.test(sysctl.path) || isOptional(sysctl));
  const values = readSysctls(
    netns,
    asking.map(({ path }) => path),
  );
  const isRight = (sysctl: SysctlObject, value: string | undefined) =>
    value === sysctl.value || (value === undefined && isOptional(sysctl));
  return new Set(asking.filter((sysctl, i) => isRight(sysctl, values[i])));
}
