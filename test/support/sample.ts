/** A part of a long table, another with each seed: `make soak` runs such tables whole. */

/** Whether all cases run. */
export const isWhole = process.env.NETLOOM_WHOLE !== undefined;

/** One of so many. */
const share = 3n;

/**
 * The cases of this run; the same on the host and in the VM, since the runner gives both one
 * `NETLOOM_SEED`. Those that are `kept` run always.
 */
export function sampled<T extends { readonly name: string }>(
  cases: readonly T[],
  kept: (item: T) => boolean = () => false,
): readonly T[] {
  return cases.filter((item) => kept(item) || isSampled(item.name));
}

/** Whether the case of this name is one of this run's. */
export function isSampled(name: string): boolean {
  const seed = process.env.NETLOOM_SEED ?? "0";
  return isWhole || BigInt(Bun.hash(`${seed} ${name}`)) % share === 0n;
}
