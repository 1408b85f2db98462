/** Identity and equality of kernel objects. */
import {
  isShared,
  type KernelObject,
  type KernelObjectKind,
  type ObjectOf,
} from "../model/kernel-object.ts";

const keyOf: { [K in KernelObjectKind]: (object: ObjectOf<K>) => string } = {
  link: (o) => `link ${o.netns} ${o.name}`,
  address: (o) => `address ${o.netns} ${o.link} ${o.address}`,
  route: (o) => `route ${o.netns} ${o.table ?? 254} ${o.dst} ${o.priority ?? 0} ${o.link}`,
  uplink: (o) => `uplink ${o.netns} ${o.name}`,
  sysctl: (o) => `sysctl ${o.netns} ${o.path}`,
  "link-settings": (o) => `link-settings ${o.netns} ${o.link}`,
  device: (o) => `device ${o.netns} ${o.name}`,
  "vrf-port": (o) => `vrf-port ${o.netns} ${o.link}`,
  rule: (o) => `rule ${o.netns} ${o.src} ${o.table}`,
  "foreign-accept": (o) => `foreign-accept ${o.netns} ${o.family}`,
  qdisc: (o) => `qdisc ${o.netns} ${o.link} ${o.parent}`,
  filter: (o) => `filter ${o.netns} ${o.link} ${o.parent} ${o.priority}`,
  "nft-chain": (o) => `nft-chain ${o.netns} ${o.family} ${o.table} ${o.chain}`,
  neigh: (o) => `neigh ${o.netns} ${o.link} ${o.address}`,
  "nft-skeleton": (o) => `nft-skeleton ${o.netns}`,
  "link-guard": (o) => `link-guard ${o.netns} ${o.table}`,
  "nft-element": (o) =>
    `nft-element ${o.netns} ${o.family} ${o.table} ${o.set} ${JSON.stringify(o.key)}`,
};

/** Two objects with one key are the same thing in the kernel, perhaps in different states. */
export function key(object: KernelObject): string {
  return keyOf[object.kind](object as never);
}

/** Who owns an object, and what was there before: the kernel has no opinion of these. */
export const ownership: ReadonlySet<string> = new Set([
  "scope",
  "life",
  "before",
  "device",
  "movedFrom",
  "protocol",
]);

/** Creation alone sets these on a shared link: later users take it as it is. */
const settledOnShared = new Set(["mac", "mtu", "alias"]);

/**
 * Names of the fields in which `observed` is not what `desired` asks for. What `desired` leaves
 * open never differs.
 */
export function differences(desired: KernelObject, observed: KernelObject): string[] {
  const settled = desired.kind === "link" && isShared(desired);
  const have = observed as unknown as Record<string, unknown>;
  return Object.entries(desired)
    .filter(([field]) => !ownership.has(field) && !(settled && settledOnShared.has(field)))
    .filter(([field, want]) => !satisfies(want, have[field]))
    .map(([field]) => field);
}

function satisfies(want: unknown, have: unknown): boolean {
  if (want === undefined || want === have) return true;
  if (typeof want !== "object" || want === null || typeof have !== "object" || have === null) {
    return false;
  }
  if (Array.isArray(want) !== Array.isArray(have)) return false;
  if (Array.isArray(want) && want.length !== (have as unknown[]).length) return false;
  return Object.entries(want).every(([field, value]) =>
    satisfies(value, (have as Record<string, unknown>)[field]),
  );
}
