/** Identity and equality of kernel objects. */
import type { KernelObject, KernelObjectKind, ObjectOf } from "../model/kernel-object.ts";

const keyOf: { [K in KernelObjectKind]: (object: ObjectOf<K>) => string } = {
  link: (o) => `link ${o.netns} ${o.name}`,
  address: (o) => `address ${o.netns} ${o.link} ${o.address}`,
  route: (o) => `route ${o.netns} ${o.table ?? 254} ${o.dst} ${o.priority ?? 0} ${o.link}`,
  sysctl: (o) => `sysctl ${o.netns} ${o.path}`,
  "nft-chain": (o) => `nft-chain ${o.netns} ${o.family} ${o.table} ${o.chain}`,
  "nft-element": (o) =>
    `nft-element ${o.netns} ${o.family} ${o.table} ${o.set} ${JSON.stringify(o.key)}`,
};

/** Two objects with one key are the same thing in the kernel, perhaps in different states. */
export function key(object: KernelObject): string {
  return keyOf[object.kind](object as never);
}

/** Fields that say who owns an object; the kernel has no opinion of them. */
const ownership = new Set(["scope", "life"]);

/** Creation alone sets these on a shared link: later users take it as it is. */
const settledOnShared = new Set(["mac", "mtu", "alias"]);

/**
 * Names of the fields in which `observed` is not what `desired` asks for. What `desired` leaves
 * open never differs.
 */
export function differences(desired: KernelObject, observed: KernelObject): string[] {
  const settled = desired.kind === "link" && desired.life === "shared";
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
