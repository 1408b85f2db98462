/** What a declared network is to the drivers of this host: a driver's own configuration. */
import type { Network, Port, Subnet } from "../api/kinds/index.ts";
import { masquerades } from "../api/kinds/network.ts";
import type { Driver } from "../drivers/driver.ts";
import { declaredDrivers, drivers } from "../drivers/index.ts";
import { ConfigError } from "../model/config-error.ts";

/** How ports of a network are attached on this host. */
export interface NetworkConfig {
  /** Absent: a port of this type has no link of its own. */
  readonly driver?: Driver<any>;
  /** As the driver's plugin has it. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Published ports, as CNI's capability has them. */
  readonly portMappings: readonly Readonly<Record<string, unknown>>[];
  /** The host is the ports' way out. */
  readonly isRouter: boolean;
  /** Ports reach their gateway and the world by address, not by hardware address. */
  readonly isRouted: boolean;
}

type Spec = Network["spec"];
type Raw = Record<string, unknown>;

/** The name that the engine knows a network by: a namespace holds no dot. */
export const engineNetwork = ({ metadata }: Network): string =>
  `${metadata.namespace}.${metadata.name}`;

/** A managed bridge's: names of networks are too long for a link's, and may be taken anew. */
export const bridgeName = ({ metadata, spec }: Pick<Network, "metadata" | "spec">): string =>
  spec.bridge ?? `nlb-${metadata.uid.replaceAll("-", "").slice(0, 8)}`;

/** Of a network that spans hosts, what passes between all of them. */
const mtu = ({ spec, status }: Pick<Network, "spec" | "status">) => {
  const bytes = status?.mtu ?? spec.mtu;
  return bytes === 0 ? {} : { mtu: bytes };
};
const routers = (spec: Spec) => ({
  acceptRa: spec.acceptRouterAdvertisements,
  ...(spec.sendRouterAdvertisements && { raGuard: false }),
});
const adverts = (spec: Spec) => ({
  ...routers(spec),
  enabledad: spec.duplicateAddressDetection,
});
/** A port without addresses can't be held to them. */
const guards = (spec: Spec, hasAddresses: boolean) => ({
  ...adverts(spec),
  macspoofchk: spec.antiSpoofing,
  ipspoofchk: spec.antiSpoofing && hasAddresses,
});
const parent = ({ parent, parentSelector, vlan = 0 }: Spec) => ({ parent, parentSelector, vlan });

/** CIDRs of the network's subnets. */
type Cidrs = readonly string[];

export const cidrsOf = (subnets: readonly Subnet[]): string[] =>
  subnets.map(({ spec }) => spec.cidr);

/** The driver's options by the network's type. */
const options: Readonly<Record<string, (network: Network, cidrs: Cidrs) => Raw>> = {
  bridge: (network, cidrs) => ({
    bridge: bridgeName(network),
    // Behind an uplink the network has routers of its own. Default routes come with the addresses.
    isGateway: network.spec.uplink === undefined,
    severalSubnets: true,
    ipMasq: masquerades(network.spec),
    portIsolation: network.spec.portIsolation,
    ...(network.spec.uplink !== undefined && {
      uplink: network.spec.uplink,
      takeOver: network.spec.takeOver,
      ...(network.spec.vlan !== undefined && { uplinkVlan: network.spec.vlan }),
    }),
    ...guards(network.spec, cidrs.length > 0),
  }),
  ptp: ({ spec }) => ({ ipMasq: masquerades(spec), ...routers(spec) }),
  routed: ({ spec }, cidrs) => ({
    ipMasq: masquerades(spec),
    unmasqueraded: cidrs,
    ipspoofchk: spec.antiSpoofing,
    ...routers(spec),
  }),
  macvlan: ({ spec }, cidrs) => ({
    ...parent(spec),
    mode: spec.mode ?? "bridge",
    allowedMacs: spec.allowedMacs ?? [],
    ...(spec.maxMacs !== undefined && { maxMacs: spec.maxMacs }),
    hostShim: spec.hostShim,
    hostShimAddresses: spec.hostShimAddresses ?? [],
    ...guards(spec, cidrs.length > 0),
  }),
  ipvlan: ({ spec }) => ({
    ...parent(spec),
    mode: spec.mode ?? "l2",
    ...(spec.ipvlanFlag !== undefined && { flag: spec.ipvlanFlag }),
    ...adverts(spec),
  }),
  overlay: (network, cidrs) => ({
    bridge: bridgeName(network),
    portIsolation: network.spec.portIsolation,
    ...guards(network.spec, cidrs.length > 0),
  }),
  vlan: ({ spec }, cidrs) => ({
    master: spec.parent,
    parentSelector: spec.parentSelector,
    vlanId: spec.vlan,
    ...guards(spec, cidrs.length > 0),
  }),
};

/** A driver's option → the declared network's field that it comes from. */
const fields: Readonly<Record<string, string>> = {
  ...{ master: "parent", parent: "parent", vlan: "vlan", vlanId: "vlan", uplinkVlan: "vlan" },
  ...{ parentSelector: "parentSelector" },
  ...{ mode: "mode", flag: "ipvlanFlag", mtu: "mtu", ipMasq: "masquerade", uplink: "uplink" },
  ...{ macspoofchk: "antiSpoofing", ipspoofchk: "antiSpoofing", hostShim: "hostShim" },
};

/** What a driver says of its option, as of the field that somebody declared. */
export function inDeclaredWords(error: unknown): unknown {
  if (!(error instanceof ConfigError) || !Object.hasOwn(fields, error.path)) return error;
  const what = error.message.slice(`${error.path}: `.length);
  return new ConfigError(`spec.${fields[error.path]}`, what);
}

const routing = ["bridge", "ptp", "routed"];

/** The configuration for one of its ports. `cidrs`: of its subnets, which it has addresses of. */
export function networkConfig(
  network: Network,
  port: Pick<Port["spec"], "publish"> | undefined,
  cidrs: Cidrs,
): NetworkConfig {
  const { spec } = network;
  const portMappings = (port?.publish ?? []).map(({ hostIp, ...mapping }) => ({
    ...mapping,
    ...(hostIp !== undefined && { hostIP: hostIp }),
  }));
  const driver = [...drivers, ...declaredDrivers].find(
    ({ networkType }) => networkType === spec.type,
  );
  const own = Object.hasOwn(options, spec.type) ? options[spec.type]! : () => ({});
  return {
    ...(driver && { driver }),
    raw: { ...own(network, cidrs), ...mtu(network), hairpin: spec.hairpin },
    portMappings,
    isRouter: routing.includes(spec.type) && spec.uplink === undefined,
    isRouted: spec.type === "routed" || spec.mode === "l3" || spec.mode === "l3s",
  };
}
