/** How long tests wait: the VM emulates its processor, so everything takes longer there. */

/** A limit in milliseconds that was thought for a real machine, as it is right for this one. */
export function patient(limitMs: number): number {
  return process.env.NETLOOM_VM === undefined ? limitMs : limitMs * 4;
}

/** How often a test repeats what a race could spoil: the VM needs no statistics. */
export function rounds(count: number): number {
  return process.env.NETLOOM_VM === undefined ? count : Math.ceil(count / 5);
}
