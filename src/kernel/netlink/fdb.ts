/** Forwarding entries of bridges and VXLAN devices. Source: include/uapi/linux/neighbour.h. */
import type { Value } from "./codec.ts";
import { type Decoded, decode, type Message, nlmF, type Request, request } from "./message.ts";
import { neighFlag, neighLayout, type neighState } from "./neigh.ts";
import { addressFamily, rtm } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

/** An entry: frames to `mac` go out of this link. */
export interface NewFdbEntry {
  /** ifindex of the bridge port, or of the VXLAN device. */
  readonly index: number;
  readonly mac: string;
  /** `master`: in the bridge that the link is a port of; `self`: in the link's own table. */
  readonly table: "master" | "self";
  /** Absent: `permanent` with `self`, else `noarp`: fixed to the port, but no address of ours. */
  readonly state?: Value<typeof neighState>;
  readonly vlan?: number;
  /** VXLAN: address of the remote end. */
  readonly dst?: string;
  readonly vni?: number;
  /** UDP port of the remote end. */
  readonly l4Port?: number;
  /** Learned outside: the bridge does not age it. */
  readonly externLearned?: boolean;
  /** The entry does not move when another port shows the address. */
  readonly sticky?: boolean;
}

export interface FdbEntryInfo {
  readonly index: number;
  readonly mac: string;
  /** ifindex of the bridge. */
  readonly master?: number;
  readonly self: boolean;
  readonly state: Value<typeof neighState>;
  readonly vlan?: number;
  readonly dst?: string;
  readonly vni?: number;
  readonly l4Port?: number;
  readonly externLearned: boolean;
  readonly sticky: boolean;
}

function entryBody(spec: NewFdbEntry) {
  return {
    header: {
      family: addressFamily.bridge,
      index: spec.index,
      state: spec.state ?? (spec.table === "self" ? ("permanent" as const) : ("noarp" as const)),
      flags:
        neighFlag[spec.table] |
        (spec.externLearned ? neighFlag.externLearned : 0) |
        (spec.sticky ? neighFlag.sticky : 0),
    },
    attrs: {
      mac: spec.mac,
      dst: spec.dst,
      vlan: spec.vlan,
      vni: spec.vni,
      l4Port: spec.l4Port,
    },
  };
}

/** Sets an entry, in the place of one for the same address. */
export function replaceFdbEntry(spec: NewFdbEntry): Request {
  return request(
    {
      op: `set forwarding entry ${spec.mac} on link ${spec.index}`,
      type: rtm.newNeigh,
      flags: nlmF.create | nlmF.replace,
    },
    neighLayout,
    entryBody(spec),
  );
}

/** Adds one more destination to a VXLAN device's entry (flooding). EEXIST if it is there. */
export function appendFdbEntry(spec: NewFdbEntry): Request {
  return request(
    {
      op: `append forwarding entry ${spec.mac} on link ${spec.index}`,
      type: rtm.newNeigh,
      flags: nlmF.create | nlmF.append,
    },
    neighLayout,
    entryBody(spec),
  );
}

/** Removes an entry; one that is not there, or whose link is gone, is removed. */
export function removeFdbEntry(spec: NewFdbEntry): Request {
  return request(
    {
      op: `remove forwarding entry ${spec.mac} from link ${spec.index}`,
      type: rtm.delNeigh,
      flags: 0,
      tolerate: ["ENOENT", "ENODEV"],
    },
    neighLayout,
    entryBody(spec),
  );
}

/** An entry from an RTM_NEWNEIGH message of family AF_BRIDGE. Throws DecodeError. */
export function readFdbEntry(message: Message): FdbEntryInfo {
  return fdbEntryOf(decode(message, neighLayout));
}

/** The same of a message that is decoded already. */
export function fdbEntryOf({ header, attrs }: Decoded<typeof neighLayout>): FdbEntryInfo {
  return {
    index: header.index,
    mac: attrs.mac ?? "",
    master: attrs.master,
    self: (header.flags & neighFlag.self) !== 0,
    state: header.state,
    vlan: attrs.vlan,
    dst: attrs.dst,
    vni: attrs.vni,
    l4Port: attrs.l4Port,
    externLearned: (header.flags & neighFlag.externLearned) !== 0,
    sticky: (header.flags & neighFlag.sticky) !== 0,
  };
}

/** Entries of one bridge port or VXLAN device, of one bridge, or of all; the kernel filters. */
export function listFdb(
  socket: NetlinkSocket,
  filter: { readonly index?: number; readonly master?: number } = {},
): FdbEntryInfo[] {
  const item = request(
    { op: "list forwarding entries", type: rtm.getNeigh, flags: 0, tolerate: ["ENODEV"] },
    neighLayout,
    {
      header: { family: addressFamily.bridge },
      attrs: { index: filter.index, master: filter.master },
    },
  );
  return socket.dump(item).map(readFdbEntry);
}
