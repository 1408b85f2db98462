/** The kinds of links: a line each here, a table each in a file of its own. */
import { bridgeData } from "./bridge.ts";
import { bridgePortData } from "./bridge-port.ts";
import { type Codec, eachAttr, string, writeAttr } from "./codec.ts";
import { dummyData } from "./dummy.ts";
import { ipvlanData } from "./ipvlan.ts";
import { macvlanData } from "./macvlan.ts";
import { tunData } from "./tun.ts";
import { vethData } from "./veth.ts";
import { vlanData } from "./vlan.ts";
import { vrfData } from "./vrf.ts";
import { vxlanData } from "./vxlan.ts";
import { wireguardData } from "./wireguard.ts";

/** Kind → its IFLA_INFO_DATA. */
export const linkKinds = {
  bridge: bridgeData,
  dummy: dummyData,
  ipvlan: ipvlanData,
  macvlan: macvlanData,
  tun: tunData,
  veth: vethData,
  vlan: vlanData,
  vrf: vrfData,
  vxlan: vxlanData,
  wireguard: wireguardData,
} as const;

/** Kind of the master → its IFLA_INFO_SLAVE_DATA. */
export const portKinds = { bridge: bridgePortData } as const;

export type LinkKind = keyof typeof linkKinds;

/** IFLA_LINKINFO. The data is of the kind's codec; of kinds that are not in the list, undefined. */
export interface LinkKindInfo {
  /** Absent on links without a kind, as `lo`. Any text: the kernel has more kinds than we. */
  kind?: string;
  data?: unknown;
  portKind?: string;
  portData?: unknown;
}

const info = { kind: 1, data: 2, portKind: 4, portData: 5 } as const;

function codecOf(kinds: Record<string, Codec<any>>, kind = ""): Codec<unknown> | undefined {
  return Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}

/** Data has no meaning without the kind, which the kernel puts first. */
export const linkKindInfo: Codec<LinkKindInfo> = {
  nested: true,
  write: (out, { kind, data, portKind, portData }) => {
    if (kind !== undefined) writeAttr(out, info.kind, string, kind);
    const kindCodec = codecOf(linkKinds, kind);
    if (kindCodec && data !== undefined) writeAttr(out, info.data, kindCodec, data);
    if (portKind !== undefined) writeAttr(out, info.portKind, string, portKind);
    const portCodec = codecOf(portKinds, portKind);
    if (portCodec && portData !== undefined) writeAttr(out, info.portData, portCodec, portData);
  },
  read: (from) => {
    const value: LinkKindInfo = {};
    eachAttr(from, (type, window) => {
      if (type === info.kind) value.kind = string.read(window);
      else if (type === info.portKind) value.portKind = string.read(window);
      else if (type === info.data) value.data = codecOf(linkKinds, value.kind)?.read(window);
      else if (type === info.portData)
        value.portData = codecOf(portKinds, value.portKind)?.read(window);
    });
    return value;
  },
};
