/** A part of a long table: the same for one seed, and all of it over many seeds. */
import { expect, test } from "bun:test";

const script = `
  import { sampled } from "${import.meta.dir}/sample.ts";
  const cases = Array.from({ length: 300 }, (_, i) => ({ name: "case " + i }));
  console.log(JSON.stringify(sampled(cases, ({ name }) => name === "case 7").map((c) => c.name)));`;

function names(env: Record<string, string>): string[] {
  const { NETLOOM_WHOLE: _, ...rest } = process.env;
  const ran = Bun.spawnSync([process.execPath, "-e", script], { env: { ...rest, ...env } });
  return JSON.parse(ran.stdout.toString());
}

test("one seed gives one part, about a third; other seeds give others, in the end all", () => {
  const first = names({ NETLOOM_SEED: "1" });
  expect(names({ NETLOOM_SEED: "1" })).toEqual(first);
  expect(first.length).toBeGreaterThan(60);
  expect(first.length).toBeLessThan(150);
  const met = new Set<string>();
  for (let seed = 1; seed <= 25; seed++) {
    const some = names({ NETLOOM_SEED: String(seed) });
    expect(some).toContain("case 7");
    for (const name of some) met.add(name);
  }
  expect(met.size).toBe(300);
}, 60_000);

test("all of it where all is asked for", () => {
  expect(names({ NETLOOM_SEED: "1", NETLOOM_WHOLE: "1" })).toHaveLength(300);
}, 60_000);
