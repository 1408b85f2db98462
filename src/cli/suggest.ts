/** Finds the word that a mistyped one most likely stands for. */

/**
 * How many letters were left out, added, changed, or swapped with their neighbour
 * (Damerau-Levenshtein, each place edited once).
 */
export function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      current[column] = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
        swapped ? beforeLast[column - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}

/**
 * The known word nearest to `word`, in any case; the first of several. Undefined where none is
 * near: a third of the letters may differ, one at least, or it may be a known one's beginning.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const typed = word.toLowerCase();
  const begun =
    typed.length < 2 ? [] : known.filter((each) => each.toLowerCase().startsWith(typed));
  const bound = Math.max(1, Math.floor(typed.length / 3));
  const ranked = known
    .map((each) => ({ each, steps: distance(typed, each.toLowerCase()) }))
    .filter(({ each, steps }) => steps <= bound && steps < each.length)
    .sort((a, b) => a.steps - b.steps);
  return ranked[0]?.each ?? begun[0];
}
