/** How long an address may still send after no host has it any more. Pure. */

/**
 * A host sends from the address that it had until it hears itself that it has another, which takes
 * longer where its agent is down; and one without a default route tells of none for a moment.
 */
const lingerMs = 5 * 60_000;

export class Strays {
  readonly #sinceMs = new Map<string, number>();

  /** Which of the addresses in force that no host has are to go by now. */
  due(strays: readonly string[], nowMs: number): string[] {
    const now = new Set(strays);
    for (const address of this.#sinceMs.keys()) {
      if (!now.has(address)) this.#sinceMs.delete(address);
    }
    return strays.filter((address) => {
      const sinceMs = this.#sinceMs.get(address) ?? nowMs;
      this.#sinceMs.set(address, sinceMs);
      return nowMs >= sinceMs + lingerMs;
    });
  }
}
