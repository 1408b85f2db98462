/** Results and lists as lines for people. */
import type { Result, ResultRoute } from "../types.ts";

/** The container's side of a result: a line for each address, then routes, then DNS. */
export function resultLines(result: Result): string[] {
  const lines: [string, string][] = [];
  for (const ip of result.ips) {
    const link = ip.interface === undefined ? undefined : result.interfaces[ip.interface];
    const via = ip.gateway ? `, gateway ${ip.gateway}` : "";
    lines.push([link?.name ?? "address", `${ip.address}${via}`]);
  }
  for (const link of result.interfaces) {
    if (link.sandbox && link.mac) lines.push(["mac", `${link.mac} (${link.name})`]);
  }
  for (const route of result.routes) lines.push(["route", routeText(route)]);
  const { nameservers = [], search = [] } = result.dns;
  if (nameservers.length > 0) lines.push(["dns", nameservers.join(", ")]);
  if (search.length > 0) lines.push(["search", search.join(", ")]);
  const width = Math.max(0, ...lines.map(([key]) => key.length));
  return lines.map(([key, value]) => `${key.padEnd(width)}  ${value}`);
}

function routeText({ dst, gw }: ResultRoute): string {
  return gw ? `${dst} via ${gw}` : dst;
}

/** Rows under a heading, in columns; nothing without rows. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const all = [heading, ...rows];
  const widths = heading.map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
