/** How many bytes of a packet go for bringing it from host to host. */
export type UnderlayProtocol = "ipv4" | "ipv6";
export type Backend = "vxlan" | "host-gw" | "wireguard" | "udp" | "bgp";

/**
 * A VXLAN packet bears IP, UDP, VXLAN and Ethernet headers (RFC 7348, section 5): 20 or 40, 8, 8,
 * 14. WireGuard's bears IP, UDP, its own header and tag: 20 or 40, 8, 32 (its whitepaper, section
 * 5.4.6).
 */
const overhead: Readonly<Record<Backend, Readonly<Record<UnderlayProtocol, number>>>> = {
  vxlan: { ipv4: 50, ipv6: 70 },
  wireguard: { ipv4: 60, ipv6: 80 },
  udp: { ipv4: 28, ipv6: 48 },
  "host-gw": { ipv4: 0, ipv6: 0 },
  bgp: { ipv4: 0, ipv6: 0 },
};

interface Spanning {
  readonly type: string;
  readonly backend?: Backend;
  readonly encryption?: "none" | "wireguard";
  readonly underlayProtocol?: UnderlayProtocol;
}

/** Registered for VXLAN. Source: RFC 7348, section 5. */
export const vxlanPort = 4789;

/** Of VXLAN in hosts' tunnels: one that no fabric sees, and no other segment may have. */
export const encryptedVxlanPort = 14789;

/** Where hosts hear packets of backend `udp`: what the field's program for it (flannel) takes. */
export const udpPort = 8285;

export const vxlanLinkName = (vni: number): string => `nlx-${vni}`;

/** The table that keeps strangers out of VXLAN links which an agent's instance has made. */
export const vxlanGuardTable = (instance: string): string => `netloom_${instance}_vxlan`;

/** Of any instance. */
export const isVxlanGuardTable = (name: string): boolean => /^netloom_\w+_vxlan$/.test(name);

/** In it: the UDP ports of the links. */
export const vxlanGuardPorts = "ports";

/** Whether networks of the type span hosts by what is wrapped, or routed, from one to another. */
export const spansHosts = ({ type }: Pick<Spanning, "type">): boolean =>
  type === "overlay" || type === "routed";

/** Whether it has a VXLAN network identifier. */
export const hasVni = (spec: Spanning): boolean =>
  spec.type === "overlay" || (spec.type === "routed" && (spec.backend ?? "vxlan") === "vxlan");

/** Whether its packets travel by the hosts' WireGuard tunnels. */
export const isEncrypted = ({ type, backend, encryption }: Spanning): boolean =>
  type === "overlay" ? encryption === "wireguard" : type === "routed" && backend === "wireguard";

/** Bytes that a host's tunnel takes of the underlay's MTU. */
export const overheadOfTunnel = (protocol: UnderlayProtocol): number =>
  overhead.wireguard[protocol];

/** Bytes that the underlay's MTU is larger than the network's. */
export function overheadOf(spec: Spanning): number {
  const { type, backend = "vxlan", underlayProtocol = "ipv4" } = spec;
  if (type !== "overlay") return overhead[backend][underlayProtocol];
  if (!isEncrypted(spec)) return overhead.vxlan[underlayProtocol];
  // Addresses in tunnels are IPv6's, whatever the tunnel travels by.
  return overhead.wireguard[underlayProtocol] + overhead.vxlan.ipv6;
}

/** WireGuard fills up what it encrypts to a multiple of so many bytes (section 5.4.6 as well). */
const paddedTo = 16;

/** Bytes of the network's largest packet that an underlay of so many carries in one piece. */
export function mtuWithin(spec: Spanning, underlayMtu: number): number {
  const bytes = underlayMtu - overheadOf(spec);
  if (!isEncrypted(spec)) return bytes;
  const { underlayProtocol = "ipv4" } = spec;
  return bytes - ((underlayMtu - overheadOfTunnel(underlayProtocol)) % paddedTo);
}
