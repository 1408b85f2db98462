/** Links as the kernel tells of them. */
import type { BridgePortSettings } from "./bridge-port.ts";
import type { Value } from "./codec.ts";
import { NetlinkError } from "./error.ts";
import { type LinkTarget, linkLayout, linkText } from "./link.ts";
import type { linkKinds } from "./link-kinds.ts";
import { type addrGenMode, extMask, linkFlag } from "./link-table.ts";
import { type Decoded, decode, type Message, type Request, request } from "./message.ts";
import { rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  /** Empty on links without hardware addresses. */
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** IFF_ bits. */
  readonly flags: number;
  readonly up: boolean;
  readonly promisc: boolean;
  readonly allmulti: boolean;
  /** Packets. */
  readonly txQueueLength: number;
  /** `up`, `down`, `lowerLayerDown` …; `lo` is always `unknown`. */
  readonly operState: string | number;
  readonly group: number;
  /** ifindex of the master. */
  readonly master?: number;
  /** `veth`, `bridge`, and any other; absent on links without, as `lo` or hardware. */
  readonly kind?: string;
  readonly alias?: string;
  /** ifindex of a veth's peer or of the parent, in the namespace that `linkNetnsId` tells. */
  readonly link?: number;
  /** The kernel's number for the namespace of `link`; absent when it is the link's own. */
  readonly linkNetnsId?: number;
  readonly addrGenMode?: Value<typeof addrGenMode>;
  /** What `linkKinds` reads of the kind's own settings. */
  readonly data?: unknown;
  /** Of bridges. */
  readonly bridge?: Value<(typeof linkKinds)["bridge"]>;
  readonly ipvlan?: Value<(typeof linkKinds)["ipvlan"]>;
  readonly macvlan?: Value<(typeof linkKinds)["macvlan"]>;
  readonly vlan?: Value<(typeof linkKinds)["vlan"]>;
  readonly vxlan?: Value<(typeof linkKinds)["vxlan"]>;
  /** Of links in a bridge. */
  readonly bridgePort?: BridgePortSettings;
}

/** A link from an RTM_NEWLINK or RTM_DELLINK message. Throws DecodeError. */
export function readLink(message: Message): LinkInfo {
  return linkOf(decode(message, linkLayout));
}

/** The same of a message that is decoded already. */
export function linkOf({ header, attrs }: Decoded<typeof linkLayout>): LinkInfo {
  const kindInfo = attrs.kindInfo ?? {};
  const dataOf = (kind: string) => (kindInfo.kind === kind ? kindInfo.data : undefined);
  return {
    index: header.index,
    name: attrs.name ?? "",
    mac: attrs.mac ?? "",
    mtu: attrs.mtu ?? 0,
    flags: header.flags,
    up: (header.flags & linkFlag.up) !== 0,
    promisc: (header.flags & linkFlag.promisc) !== 0,
    allmulti: (header.flags & linkFlag.allmulti) !== 0,
    txQueueLength: attrs.txQueueLength ?? 0,
    operState: attrs.operState ?? "unknown",
    group: attrs.group ?? 0,
    master: attrs.master || undefined,
    kind: kindInfo.kind,
    alias: attrs.alias,
    link: attrs.link,
    linkNetnsId: attrs.linkNetnsId,
    addrGenMode: attrs.afSpec?.inet6?.addrGenMode,
    data: kindInfo.data,
    bridge: dataOf("bridge") as LinkInfo["bridge"],
    ipvlan: dataOf("ipvlan") as LinkInfo["ipvlan"],
    macvlan: dataOf("macvlan") as LinkInfo["macvlan"],
    vlan: dataOf("vlan") as LinkInfo["vlan"],
    vxlan: dataOf("vxlan") as LinkInfo["vxlan"],
    bridgePort:
      kindInfo.portKind === "bridge" ? (kindInfo.portData as BridgePortSettings) : undefined,
  };
}

function getLinkRequest(target: LinkTarget): Request {
  return request(
    {
      op: `read ${linkText(target)}`,
      type: rtm.getLink,
      flags: 0,
      tolerate: ["ENODEV"],
      answered: true,
    },
    linkLayout,
    {
      header: { index: "index" in target ? target.index : 0 },
      // Summing up IPv6's counters over all processors is most of the kernel's work here.
      attrs: {
        name: "name" in target ? target.name : undefined,
        extMask: extMask.skipStats,
      },
    },
  );
}

/** The link, or undefined if there is none. */
export function getLink(socket: NetlinkSocket, target: LinkTarget): LinkInfo | undefined {
  return getLinks(socket, [target])[0];
}

/** Several links in one exchange, in the order asked; undefined for those that are not there. */
export function getLinks(
  socket: NetlinkSocket,
  targets: readonly LinkTarget[],
): (LinkInfo | undefined)[] {
  return socket.run(targets.map(getLinkRequest)).map(({ replies }) => {
    const reply = replies[0];
    return reply && readLink(reply);
  });
}

/** All links of the socket's namespace; the kernel itself filters. */
export function listLinks(
  socket: NetlinkSocket,
  filter: { readonly master?: number; readonly kind?: string } = {},
): LinkInfo[] {
  const item = request({ op: "list links", type: rtm.getLink, flags: 0 }, linkLayout, {
    header: {},
    attrs: {
      master: filter.master,
      extMask: extMask.skipStats,
      kindInfo: filter.kind === undefined ? undefined : { kind: filter.kind },
    },
  });
  return socket.dump(item).map(readLink);
}

/** As `getLink`, but a link that is not there is an error. */
export function requireLink(socket: NetlinkSocket, target: LinkTarget): LinkInfo {
  const found = getLink(socket, target);
  if (!found) throw new NetlinkError(`read ${linkText(target)}`, 19);
  return found;
}
