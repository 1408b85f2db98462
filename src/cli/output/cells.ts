/** Lays rows of cells out in columns, as wide as a terminal shows them. */

/** One row of a table. */
export type Row = readonly string[];

/** The widths of columns over these rows, in terminal cells. */
export function widths(rows: readonly Row[]): number[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
}

/** Lines with three blanks between columns, none at the end. `wide`: the least widths. */
export function layOut(rows: readonly Row[], wide: readonly number[] = []): string[] {
  const needed = widths(rows).map((width, column) => Math.max(width, wide[column] ?? 0));
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(needed[column]! - Bun.stringWidth(cell)))
      .join("   ")
      .trimEnd(),
  );
}
