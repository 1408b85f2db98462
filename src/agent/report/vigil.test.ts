/** Who is taken for silent, and who is not. */
import { expect, test } from "bun:test";
import { type Life, silenceMs, Vigil } from "./vigil.ts";

const cases: [what: string, looks: [atMs: number, word: string][], life: Life][] = [
  ["is not known at first", [[0, "a"]], "unknown"],
  [
    "is alive when it says something new",
    [
      [0, "a"],
      [5_000, "b"],
    ],
    "alive",
  ],
  [
    "is not silent before its time",
    [
      [0, "a"],
      [12_000, "a"],
      [silenceMs - 1, "a"],
    ],
    "unknown",
  ],
  [
    "is silent after it",
    [
      [0, "a"],
      [12_000, "a"],
      [silenceMs, "a"],
    ],
    "silent",
  ],
  [
    "begins anew with each word",
    [
      [0, "a"],
      [12_000, "b"],
      [silenceMs, "b"],
    ],
    "unknown",
  ],
  [
    "is not known where nobody looked, or could",
    [
      [0, "a"],
      [60_000, "a"],
    ],
    "unknown",
  ],
  [
    "may have spoken where nobody looked",
    [
      [0, "a"],
      [60_000, "b"],
    ],
    "unknown",
  ],
];
for (const [what, looks, life] of cases) {
  test(`who is watched ${what}`, () => {
    const vigil = new Vigil();
    expect(looks.map(([atMs, word]) => vigil.look(word, atMs)).at(-1)).toBe(life);
  });
}
