/** VLANs of bridge ports and bridges. Source: include/uapi/linux/if_bridge.h. */

import { DecodeError } from "../../lib/bytes.ts";
import type { BridgeVlan } from "../../model/kernel-object.ts";
import { attrs, type Codec, eachAttr, struct, u16, u32, writeAttr } from "./codec.ts";
import { extMask, linkHeader } from "./link-table.ts";
import { decode, type Message, type Request, request } from "./message.ts";
import { addressFamily, rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

/** BRIDGE_VLAN_INFO_ bits. */
const vlanFlag = { pvid: 0x02, untagged: 0x04, rangeBegin: 0x08, rangeEnd: 0x10 } as const;
/** IFLA_BRIDGE_FLAGS: act on the link itself, not on its place in its master. */
const bridgeSelf = 2;
const afSpec = { flags: 0, vlanInfo: 2 } as const;

const vlanInfo = struct({ flags: u16, vid: u16 });

interface VlanList {
  flags?: number;
  vlans: BridgeVlan[];
}

/** IFLA_AF_SPEC of AF_BRIDGE messages: a range is two attributes, one opens and one closes it. */
const vlanList: Codec<VlanList> = {
  nested: true,
  write: (out, { flags, vlans }) => {
    if (flags !== undefined) writeAttr(out, afSpec.flags, u16, flags);
    for (const vlan of vlans) {
      const bits = (vlan.pvid ? vlanFlag.pvid : 0) | (vlan.untagged ? vlanFlag.untagged : 0);
      const put = (vid: number, more: number) =>
        writeAttr(out, afSpec.vlanInfo, vlanInfo, { flags: bits | more, vid });
      if (vlan.vidEnd === undefined || vlan.vidEnd === vlan.vid) {
        put(vlan.vid, 0);
      } else {
        put(vlan.vid, vlanFlag.rangeBegin);
        put(vlan.vidEnd, vlanFlag.rangeEnd);
      }
    }
  },
  read: (from) => {
    const value: VlanList = { vlans: [] };
    let begin: number | undefined;
    eachAttr(from, (type, window) => {
      if (type === afSpec.flags) value.flags = u16.read(window);
      if (type !== afSpec.vlanInfo) return;
      const { flags, vid } = vlanInfo.read(window);
      if (flags & vlanFlag.rangeBegin) {
        begin = vid;
        return;
      }
      value.vlans.push({
        vid: begin ?? vid,
        ...(begin === undefined || begin === vid ? {} : { vidEnd: vid }),
        pvid: (flags & vlanFlag.pvid) !== 0,
        untagged: (flags & vlanFlag.untagged) !== 0,
      });
      begin = undefined;
    });
    if (begin !== undefined) throw new DecodeError(`VLAN range from ${begin} has no end`, from.at);
    return value;
  },
};

export const bridgeVlanLayout = {
  header: linkHeader,
  attrs: attrs({ afSpec: [26, vlanList], extMask: [29, u32] }),
} as const;

/** Whose VLANs: a port's, in its bridge, or those that reach the bridge itself. */
export interface VlanTarget {
  /** ifindex. */
  readonly index: number;
  /** The link is the bridge. */
  readonly self?: boolean;
}

/** Adds VLANs. EOPNOTSUPP where the kernel has no VLAN filtering. */
export function addBridgeVlans(target: VlanTarget, vlans: readonly BridgeVlan[]): Request {
  return vlanRequest("add", rtm.setLink, { target, vlans });
}

/** Removes VLANs; those that are not there are removed. */
export function removeBridgeVlans(target: VlanTarget, vlans: readonly BridgeVlan[]): Request {
  return vlanRequest("remove", rtm.delLink, { target, vlans });
}

function vlanRequest(
  verb: string,
  type: number,
  { target, vlans }: { target: VlanTarget; vlans: readonly BridgeVlan[] },
): Request {
  return request(
    { op: `${verb} VLANs of link ${target.index}`, type, flags: 0 },
    bridgeVlanLayout,
    {
      header: { family: addressFamily.bridge, index: target.index },
      attrs: { afSpec: { flags: target.self ? bridgeSelf : undefined, vlans: [...vlans] } },
    },
  );
}

/** VLANs by ifindex of the port, or of the bridge for its own. */
export function listBridgeVlans(socket: NetlinkSocket): Map<number, readonly BridgeVlan[]> {
  const item = request(
    { op: "list VLANs of bridge ports", type: rtm.getLink, flags: 0 },
    bridgeVlanLayout,
    {
      header: { family: addressFamily.bridge },
      attrs: { extMask: extMask.brVlanCompressed },
    },
  );
  return new Map(socket.dump(item).map(readBridgeVlans));
}

/** ifindex and VLANs from an RTM_NEWLINK message of family AF_BRIDGE. Throws DecodeError. */
export function readBridgeVlans(message: Message): [number, readonly BridgeVlan[]] {
  const { header, attrs } = decode(message, bridgeVlanLayout);
  return [header.index, attrs.afSpec?.vlans ?? []];
}

/** The same VLANs without ranges, ascending. */
export function expandVlans(vlans: readonly BridgeVlan[]): BridgeVlan[] {
  return vlans
    .flatMap(({ vid, vidEnd = vid, ...flags }) =>
      Array.from({ length: vidEnd - vid + 1 }, (_, i) => ({ vid: vid + i, ...flags })),
    )
    .sort((a, b) => a.vid - b.vid);
}
