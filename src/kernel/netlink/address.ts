/** Addresses on links. Source: include/uapi/linux/if_addr.h. */
import { ip, string, struct, u8, u32 } from "./codec.ts";
import { decode, layout, type Message, nlmF, type Request, request } from "./message.ts";
import { familyOf, rtm, splitPrefix } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

/** IFA_F_ bits. */
const addressFlag = {
  secondary: 0x01,
  noDad: 0x02,
  optimistic: 0x04,
  dadFailed: 0x08,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  managesTemporary: 0x100,
  noPrefixRoute: 0x200,
  joinsGroup: 0x400,
} as const;

/** A lifetime that does not end. */
const forever = 0xffffffff;

/** Flags above do not fit the header, and then all stand in an attribute instead. */
const lastShortFlag = 0xff;

export const addressLayout = layout(
  struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 }),
  {
    address: [1, ip], // the peer's, where there is one
    local: [2, ip],
    label: [3, string],
    broadcast: [4, ip],
    lifetimes: [6, struct({ preferredS: u32, validS: u32, createdCs: u32, updatedCs: u32 })],
    flags: [8, u32],
    routePriority: [9, u32],
    protocol: [11, u8], // since 5.18
  },
);

/** An address to add. */
export interface NewAddress {
  /** ifindex of the link. */
  readonly index: number;
  /** With prefix length: `10.1.0.1/24`. */
  readonly address: string;
  /** The address at the other end, where the link is one between two. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** At most 15 bytes (IPv4). Absent: the link's name. */
  readonly label?: string;
  /** 0 global (the kernel's choice when absent), 253 link, 254 host. */
  readonly scopeId?: number;
  /** Seconds until it is not used for new connections, and until it goes. Absent: never. */
  readonly preferredS?: number;
  readonly validS?: number;
  /** Priority of the route to the prefix. Absent: the kernel's choice. */
  readonly routePriority?: number;
  /** Addresses of a private, changing kind are made in its prefix (IPv6). */
  readonly managesTemporary?: boolean;
  /** The link joins this multicast group. */
  readonly joinsGroup?: boolean;
  /** False: no duplicate address detection (IPv6). */
  readonly dad?: boolean;
  /** Usable while detection runs (IPv6); ignored unless the link's `optimistic_dad` is set. */
  readonly optimistic?: boolean;
  /** True: no route to the prefix. */
  readonly noPrefixRoute?: boolean;
  /** Who set it (IFA_PROTO). Kernels before 5.18 refuse it. */
  readonly protocol?: number;
}

export interface AddressInfo {
  readonly index: number;
  /** With prefix length: `10.1.0.1/24`. */
  readonly address: string;
  readonly family: number;
  readonly scopeId: number;
  /** The address at the other end, where the link is one between two. */
  readonly peer?: string;
  readonly broadcast?: string;
  readonly label?: string;
  readonly protocol?: number;
  readonly routePriority?: number;
  /** Seconds until it is not used for new connections, and until it goes. Absent: never. */
  readonly preferredS?: number;
  readonly validS?: number;
  readonly noPrefixRoute: boolean;
  readonly managesTemporary: boolean;
  readonly joinsGroup: boolean;
  /** IPv4: behind another of its subnet. IPv6: of a private, changing kind. */
  readonly secondary: boolean;
  /** IFA_F_ bits. */
  readonly flags: number;
  readonly permanent: boolean;
  /** Duplicate address detection has not ended, or has found a duplicate. */
  readonly tentative: boolean;
  readonly dadFailed: boolean;
  readonly optimistic: boolean;
  readonly dad: boolean;
}

/** Adds an address. EEXIST if the link has it. */
export function addAddress(spec: NewAddress): Request {
  const { address, length } = splitPrefix(spec.address);
  const flags =
    (spec.dad === false ? addressFlag.noDad : 0) |
    (spec.optimistic ? addressFlag.optimistic : 0) |
    (spec.noPrefixRoute ? addressFlag.noPrefixRoute : 0) |
    (spec.managesTemporary ? addressFlag.managesTemporary : 0) |
    (spec.joinsGroup ? addressFlag.joinsGroup : 0);
  return request(
    {
      op: `add address ${spec.address} to link ${spec.index}`,
      type: rtm.newAddress,
      flags: nlmF.create | nlmF.excl,
    },
    addressLayout,
    {
      header: {
        family: familyOf(address),
        prefixLength: length,
        flags: flags > lastShortFlag ? 0 : flags,
        scope: spec.scopeId,
        index: spec.index,
      },
      attrs: {
        local: address,
        address: spec.peer ?? address,
        label: spec.label,
        broadcast: spec.broadcast,
        lifetimes: lifetimesOf(spec),
        flags: flags > lastShortFlag ? flags : undefined,
        routePriority: spec.routePriority,
        protocol: spec.protocol,
      },
    },
  );
}

function lifetimesOf({ preferredS, validS }: NewAddress) {
  if (preferredS === undefined && validS === undefined) return undefined;
  return { preferredS: preferredS ?? forever, validS: validS ?? forever };
}

/** Removes an address; one that is not there, or whose link is gone, is removed. */
export function removeAddress(spec: Pick<NewAddress, "index" | "address" | "peer">): Request {
  const { address, length } = splitPrefix(spec.address);
  return request(
    {
      op: `remove address ${spec.address} from link ${spec.index}`,
      type: rtm.delAddress,
      flags: 0,
      tolerate: ["EADDRNOTAVAIL", "ENODEV"],
    },
    addressLayout,
    {
      header: { family: familyOf(address), prefixLength: length, index: spec.index },
      attrs: { local: address, address: spec.peer ?? address },
    },
  );
}

/** An address from an RTM_NEWADDR or RTM_DELADDR message. Throws DecodeError. */
export function readAddress(message: Message): AddressInfo {
  const { header, attrs } = decode(message, addressLayout);
  const flags = attrs.flags ?? header.flags;
  const has = (bit: number) => (flags & bit) !== 0;
  const lasting = (seconds = forever) => (seconds === forever ? undefined : seconds);
  const isPair = attrs.local !== undefined && attrs.local !== attrs.address;
  return {
    index: header.index,
    address: `${attrs.local ?? attrs.address}/${header.prefixLength}`,
    family: header.family,
    scopeId: header.scope,
    peer: isPair ? attrs.address : undefined,
    broadcast: attrs.broadcast,
    label: attrs.label,
    protocol: attrs.protocol,
    routePriority: attrs.routePriority,
    preferredS: lasting(attrs.lifetimes?.preferredS),
    validS: lasting(attrs.lifetimes?.validS),
    noPrefixRoute: has(addressFlag.noPrefixRoute),
    managesTemporary: has(addressFlag.managesTemporary),
    joinsGroup: has(addressFlag.joinsGroup),
    secondary: has(addressFlag.secondary),
    flags,
    permanent: has(addressFlag.permanent),
    tentative: has(addressFlag.tentative),
    dadFailed: has(addressFlag.dadFailed),
    optimistic: has(addressFlag.optimistic),
    dad: !has(addressFlag.noDad),
  };
}

/** Addresses of the socket's namespace, of one link or family if told; the kernel filters. */
export function listAddresses(
  socket: NetlinkSocket,
  filter: { readonly index?: number; readonly family?: number } = {},
): AddressInfo[] {
  const item = request(
    { op: "list addresses", type: rtm.getAddress, flags: 0, tolerate: ["ENODEV"] },
    addressLayout,
    { header: { family: filter.family, index: filter.index }, attrs: {} },
  );
  return socket.dump(item).map(readAddress);
}
