/** Tells by our own clock alone whether somebody who should say something new is silent. Pure. */

/** Longer than two heartbeats, and than one that is tried again. */
export const silenceMs = 25_000;
/** Who looks less often may have missed what was said, or that nobody could say anything. */
const longestGapMs = 15_000;

/** `unknown`: it was not watched for long enough. */
export type Life = "unknown" | "alive" | "silent";

export class Vigil {
  #word: string | undefined;
  #sinceMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** `word`: what is said now; another each time. `nowMs`: as `performance.now()` tells. */
  look(word: string, nowMs: number): Life {
    const isGap = nowMs - this.#lastMs > longestGapMs;
    const isAlive = !isGap && word !== this.#word;
    if (isGap || isAlive) this.#sinceMs = nowMs;
    this.#word = word;
    this.#lastMs = nowMs;
    if (isAlive) return "alive";
    return nowMs - this.#sinceMs >= silenceMs ? "silent" : "unknown";
  }
}
