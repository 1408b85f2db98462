/** The rows as the document's table. */
import { parties, type Row, rows } from "./rows.ts";

export const documentPath = new URL("../../docs/design/reachability.md", import.meta.url).pathname;

const heads = { sibling: "sibling", host: "its host", lan: "host on the LAN", outside: "outside" };

function cells({ name, reach }: Row): string[] {
  return [name, ...parties.map((party) => reach[party])];
}

/** A Markdown table with even columns. */
export function renderTable(): string[] {
  const table = [["network", ...parties.map((party) => heads[party])], ...rows.map(cells)];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((line) => line[i]!.length)));
  const line = (parts: readonly string[]) =>
    `| ${parts.map((part, i) => part.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(table[0]!), rule, ...table.slice(1).map(line)];
}
