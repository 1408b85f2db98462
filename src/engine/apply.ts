/** Carries out a plan's steps, in order, in as few exchanges with the kernel as they allow. */
import { addAddress, removeAddress } from "../kernel/netlink/address.ts";
import { addRoute, removeRoute, replaceRoute } from "../kernel/netlink/route.ts";

import { netloomProtocol } from "../kernel/netlink/rtm.ts";
import { readSysctls, writeSysctls } from "../kernel/sysctl/sysctl.ts";

import { formatIp } from "../lib/ip.ts";
import { broadcastOf, parsePrefix } from "../lib/prefix.ts";
import type {
  AddressObject,
  KernelObject,
  KernelObjectKind,
  NftChainObject,
  ObjectOf,
  RouteObject,
  SysctlObject,
} from "../model/kernel-object.ts";
import type { Step } from "../plan/plan.ts";
import { applyLink } from "./apply-link.ts";
import { addElements, removeElements } from "./apply-nft.ts";
import type { KernelSession } from "./kernel-session.ts";

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
    for (const address of addresses) enqueueAddress(session, op, address);
  },
  route: (session, op, routes) => {
    for (const route of routes) enqueueRoute(session, op, route);
  },
  sysctl: (session, op, sysctls) => {
    if (op !== "delete") writeAll(session, sysctls);
  },
  // Chains come with the elements that lead to them; none is removed while another may use it.
  "nft-chain": () => {},
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
  session.enqueue(netns, object.life === "shared" ? { ...words, tolerate: ["EEXIST"] } : words);
}

/** Programs that ask for it (SIOCGIFBRDADDR) find it only where it was set. */
function broadcastText(address: string): string | undefined {
  const broadcast = broadcastOf(parsePrefix(address));
  return broadcast && formatIp(broadcast);
}

function enqueueRoute(session: KernelSession, op: Step["op"], object: RouteObject): void {
  const { netns, link, kind: _, scope: __, life: ___, ...route } = object;
  const spec = { ...route, oif: session.indexOf(netns, link) };
  const verbs = { create: addRoute, update: replaceRoute, up: addRoute, delete: removeRoute };
  session.enqueue(netns, verbs[op](spec));
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

/**
 * Even a write that changes nothing asks for the lock of all network configuration, and asks again
 * and again while another has it, which on a busy host is most of the time. Reading does not.
 */
const asksForLock = /\/(disable_ipv6|forwarding)$/;

/** Set on a link that others use too, and may have made without IPv6: absent is as good. */
const isOptional = ({ life, link }: SysctlObject) => life === "shared" && link !== undefined;

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
