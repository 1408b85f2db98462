/** For tests: a host and a port as drivers see them. */
import type { KernelObject, KernelObjectKind, ObjectOf } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";

/** An ordinary host, with IPv6, a link "lan", and without router advertisements. */
export const plainHost: HostFacts = {
  uplinkMtu: 1500,
  raUplinks: [],
  ipv6: true,
  macOf: (seed) => `mac of ${seed}`,
  sha512: (text) => `0123456789abcdef of ${text}`,
  foreignForward: () => [],
  link: ({ name }) =>
    name === "lan" ? { index: 7, mac: "02:00:00:00:00:99", mtu: 1500, up: true } : undefined,
  links: () => [],
  defaultLink: () => undefined,
  otherMacs: () => 0,
  sysctl: () => undefined,
  tablesInUse: () => new Set(),
  vrfs: () => [],
  device: () => "in user space",
  instance: "cni",
  sharedAlias: "netloom:cni",
  sysctlAllowlist: () => undefined,
  addresses: () => [],
  vlanLink: () => undefined,
  findChild: () => undefined,
};

/** A port with an address of each family, their gateways left open. */
export const plainPort: Port = {
  id: "0123456789abcdef",
  containerId: "c1",
  ifName: "eth0",
  network: "blue",
  netns: "/run/netns/c1",
  hostLink: "nl0123456789a",
  mac: "02:00:00:00:00:02",
  hostMac: "fe:00:00:00:00:02",
  alias: "netloom:cni:0123456789abcdef",
  ips: [{ address: "10.1.0.5/24" }, { address: "fd00::5/64" }],
  routes: [],
};

/** The objects of one kind. */
export function ofKind<K extends KernelObjectKind>(
  kind: K,
  objects: readonly KernelObject[],
): ObjectOf<K>[] {
  return objects.filter((object): object is ObjectOf<K> => object.kind === kind);
}

/** `path=value` of all sysctls. */
export function sysctlsOf(objects: readonly KernelObject[]): string[] {
  return ofKind("sysctl", objects).map(({ path, value }) => `${path}=${value}`);
}
