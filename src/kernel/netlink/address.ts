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
  noPrefixRoute: 0x200,
} as const;

/** Flags above do not fit the header, and then all stand in an attribute instead. */
const lastShortFlag = 0xff;

export const addressLayout = layout(
  struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 }),
  {
    address: [1, ip], // the peer's, where there is one
    local: [2, ip],
    label: [3, string],
    broadcast: [4, ip],
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
  readonly broadcast?: string;
  /** 0 global (the kernel's choice when absent), 253 link, 254 host. */
  readonly scopeId?: number;
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
  readonly broadcast?: string;
  readonly label?: string;
  readonly protocol?: number;
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
    (spec.noPrefixRoute ? addressFlag.noPrefixRoute : 0);
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
        address,
        broadcast: spec.broadcast,
        flags: flags > lastShortFlag ? flags : undefined,
        protocol: spec.protocol,
      },
    },
  );
}

/** Removes an address; one that is not there, or whose link is gone, is removed. */
export function removeAddress(spec: Pick<NewAddress, "index" | "address">): Request {
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
      attrs: { local: address, address },
    },
  );
}

/** An address from an RTM_NEWADDR or RTM_DELADDR message. Throws DecodeError. */
export function readAddress(message: Message): AddressInfo {
  const { header, attrs } = decode(message, addressLayout);
  const flags = attrs.flags ?? header.flags;
  const has = (bit: number) => (flags & bit) !== 0;
  return {
    index: header.index,
    address: `${attrs.local ?? attrs.address}/${header.prefixLength}`,
    family: header.family,
    scopeId: header.scope,
    broadcast: attrs.broadcast,
    label: attrs.label,
    protocol: attrs.protocol,
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
