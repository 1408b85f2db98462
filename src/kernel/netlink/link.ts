/** Requests about links: create, change, delete. Source: uapi/linux/{rtnetlink,if_link}.h. */
import type { BridgePortSettings } from "./bridge-port.ts";
import { type Attrs, attrs, type Value } from "./codec.ts";
import { type LinkKind, linkKindInfo, type linkKinds } from "./link-kinds.ts";
import { type addrGenMode, linkAttrs, linkFlag, linkHeader } from "./link-table.ts";
import { nlmF, type Request, request } from "./message.ts";
import { rtm } from "./rtm.ts";

/** How links look on the wire. */
export const linkLayout = {
  header: linkHeader,
  attrs: attrs({ ...linkAttrs, kindInfo: [18, linkKindInfo] }),
} as const;

/** Which link: by ifindex, or by name in the socket's namespace. */
export type LinkTarget = { readonly index: number } | { readonly name: string };

/** `link "eth0"` or `link 7`, for errors. */
export function linkText(target: LinkTarget): string {
  return "name" in target ? `link "${target.name}"` : `link ${target.index}`;
}

interface LinkSettings {
  readonly up?: boolean;
  readonly promisc?: boolean;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** ifindex of the master; 0 takes the link out of its master. */
  readonly master?: number;
  readonly group?: number;
  readonly txQueueLength?: number;
}

/** What `changeLink` can change. Absent fields stay as they are. */
export interface LinkChange extends LinkSettings {
  readonly name?: string;
  /** Moves the link into the namespace of this open descriptor. */
  readonly netNsFd?: number;
  /** At most 255 bytes; empty takes it away. */
  readonly alias?: string;
  readonly allmulti?: boolean;
  readonly noarp?: boolean;
  readonly addrGenMode?: Value<typeof addrGenMode>;
}

interface NewLinkBase extends LinkSettings {
  readonly name: string;
  /** The ifindex to take. Absent: the kernel chooses. */
  readonly index?: number;
  /** ifindex of the parent, in the socket's namespace. */
  readonly link?: number;
  /** Create it in the namespace of this open descriptor. */
  readonly netNsFd?: number;
  readonly numTxQueues?: number;
  readonly numRxQueues?: number;
}

/** A link to make: `{ name, kind: "veth", veth: { peer: { name } } }`. */
export type NewLink = {
  [K in LinkKind]: NewLinkBase & { readonly kind: K } & {
    readonly [P in K]?: Value<(typeof linkKinds)[K]>;
  };
}[LinkKind];

/** Creates a link. The kernel ignores an alias here: send a `changeLink` in the same batch. */
export function createLink(spec: NewLink): Request {
  const { kind, up, promisc, index, ...rest } = spec;
  const data = (rest as Record<string, unknown>)[kind];
  return request(
    {
      op: `create ${kind} link "${spec.name}"`,
      type: rtm.newLink,
      flags: nlmF.create | nlmF.excl,
    },
    linkLayout,
    {
      header: { index, ...flagsOf({ up, promisc }) },
      attrs: { ...(rest as Attrs<typeof linkAttrs>), kindInfo: { kind, data } },
    },
  );
}

/** Changes a link that exists. */
export function changeLink(target: LinkTarget, change: LinkChange): Request {
  const { up, promisc, allmulti, noarp, addrGenMode, name, ...rest } = change;
  const byIndex = "index" in target;
  // With a name as the target the one name attribute says which link, so it cannot also rename.
  if (!byIndex && name !== undefined) throw new RangeError("Cannot rename a link named by name");
  return request({ op: `change ${linkText(target)}`, type: rtm.newLink, flags: 0 }, linkLayout, {
    header: { index: byIndex ? target.index : 0, ...flagsOf({ up, promisc, allmulti, noarp }) },
    attrs: {
      name: byIndex ? name : target.name,
      ...rest,
      afSpec: addrGenMode === undefined ? undefined : { inet6: { addrGenMode } },
    },
  });
}

/** Changes a link's settings as port of the bridge that it is in (not of one it enters now). */
export function changeBridgePort(target: LinkTarget, settings: BridgePortSettings): Request {
  return request(
    { op: `change bridge port of ${linkText(target)}`, type: rtm.newLink, flags: 0 },
    linkLayout,
    {
      header: { index: "index" in target ? target.index : 0 },
      attrs: {
        name: "name" in target ? target.name : undefined,
        kindInfo: { portKind: "bridge", portData: settings },
      },
    },
  );
}

/** Changes a bridge's own attributes. */
export function changeBridge(
  target: LinkTarget,
  settings: Value<(typeof linkKinds)["bridge"]>,
): Request {
  return changeKind(target, "bridge", settings);
}

/** Changes a macvlan link's own attributes. */
export function changeMacvlan(
  target: LinkTarget,
  settings: Value<(typeof linkKinds)["macvlan"]>,
): Request {
  return changeKind(target, "macvlan", settings);
}

/** Changes what a VXLAN link lets be changed: source address, hops, class of service. */
export function changeVxlan(
  target: LinkTarget,
  settings: Value<(typeof linkKinds)["vxlan"]>,
): Request {
  return changeKind(target, "vxlan", settings);
}

function changeKind(target: LinkTarget, kind: LinkKind, data: unknown): Request {
  return request(
    { op: `change ${kind} attributes of ${linkText(target)}`, type: rtm.newLink, flags: 0 },
    linkLayout,
    {
      header: { index: "index" in target ? target.index : 0 },
      attrs: { name: "name" in target ? target.name : undefined, kindInfo: { kind, data } },
    },
  );
}

/** Deletes a link; one that is not there is deleted. Takes some 17 ms: `NetlinkSocket.begin`. */
export function deleteLink(target: LinkTarget): Request {
  return request(
    { op: `delete ${linkText(target)}`, type: rtm.delLink, flags: 0, tolerate: ["ENODEV"] },
    linkLayout,
    {
      header: { index: "index" in target ? target.index : 0 },
      attrs: { name: "name" in target ? target.name : undefined },
    },
  );
}

/** Deletes all links of a group in one go: one grace period for all. None is no error. */
export function deleteLinkGroup(group: number): Request {
  if (group === 0) throw new RangeError("Cannot delete link group 0: every link starts in it");
  return request(
    { op: `delete link group ${group}`, type: rtm.delLink, flags: 0, tolerate: ["ENODEV"] },
    linkLayout,
    { header: {}, attrs: { group } },
  );
}

function flagsOf(wanted: Partial<Record<keyof typeof linkFlag, boolean>>) {
  let flags = 0;
  let change = 0;
  for (const name in wanted) {
    const bit = linkFlag[name as keyof typeof linkFlag];
    const value = wanted[name as keyof typeof linkFlag];
    if (value === undefined) continue;
    change |= bit;
    if (value) flags |= bit;
  }
  return { flags, change };
}
