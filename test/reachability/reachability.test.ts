/** Who reaches whom, by packets, is what the document says. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { needs, onlyNeedy, worthRunning } from "../support/kernel-features.ts";
import { documentPath, renderTable } from "./document.ts";
import { rows } from "./rows.ts";
import { observeReach } from "./world.ts";

describe("containers reach, and are reached by, whom the table says", () => {
  for (const row of worthRunning(rows)) {
    needs(...(row.needs ?? [])).test(
      row.name,
      async () => {
        expect(await observeReach(row)).toEqual(row.reach);
      },
      180_000,
    );
  }
});

const begin = "<!-- table: test/reachability -->";
const end = "<!-- end -->";

if (!onlyNeedy) {
  test("the document has this table (NETLOOM_WRITE=1 writes it)", () => {
    const text = readFileSync(documentPath, "utf8");
    const [before, rest = ""] = text.split(begin);
    const after = rest.split(end)[1] ?? "";
    const whole = [`${before}${begin}`, "", ...renderTable(), "", `${end}${after}`].join("\n");
    if (process.env.NETLOOM_WRITE) writeFileSync(documentPath, whole);
    expect(whole).toBe(readFileSync(documentPath, "utf8"));
  });

  test("no network is in the table twice", () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });
}
