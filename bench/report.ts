/** Prints measurements beside the budget. */
import type { Command } from "./run-plugin.ts";
import type { Measured, Series } from "./series.ts";
import { median, quantile } from "./statistics.ts";
import type { Contestant, Workload } from "./workloads.ts";

const columns = [
  ["", 14],
  ["", 4],
  ["median", 8],
  ["p99", 8],
  ["cpu", 7],
  ["8-way", 8],
  ["p99", 8],
  ["each", 7],
  ["MiB", 6],
  ["ratio", 7],
  ["cpu", 6],
  ["8-way", 6],
  ["budget", 8],
  ["", 6],
] as const;

const row = (cells: readonly string[]) =>
  cells
    .map((cell, index) =>
      index < 2 ? cell.padEnd(columns[index]![1]) : cell.padStart(columns[index]![1]),
    )
    .join(" ")
    .trimEnd();

/** A workload's table. Ratios are over `reference`'s medians; the budget is for the serial. */
export function table(workload: Workload, measured: Measured, reference: Contestant): string[] {
  const lines = ["", workload.name, row(columns.map(([title]) => title))];
  for (const command of ["ADD", "DEL"] as const) {
    for (const [contestant, series] of measured) {
      const base = contestant === reference ? undefined : measured.get(reference)![command];
      const { budget, budgetOfOne } = workload;
      const goal = (contestant.onePlugin ? budgetOfOne : undefined) ?? budget;
      const against = { base, budget: goal?.[command] };
      lines.push(line(contestant.name, command, series[command], against));
    }
  }
  return lines;
}

function line(
  name: string,
  command: Command,
  series: Series,
  against: { readonly base: Series | undefined; readonly budget: number | undefined },
): string {
  const { base, budget } = against;
  const serial = median(series.serialMs);
  const figures = [
    serial,
    quantile(series.serialMs, 0.99),
    median(series.cpuMs),
    median(series.parallelMs),
    quantile(series.parallelMs, 0.99),
    median(series.shareMs),
    series.peakMiB,
  ].map((value) => value.toFixed(1));
  if (base === undefined) return row([name, command, ...figures]);
  const ratio = serial / median(base.serialMs);
  const cpuRatio = median(series.cpuMs) / median(base.cpuMs);
  const parallelRatio = median(series.shareMs) / median(base.shareMs);
  const ratios = [ratio, cpuRatio, parallelRatio].map((value) => value.toFixed(2));
  if (budget === undefined) return row([name, command, ...figures, ...ratios]);
  const verdict = ratio <= budget ? "pass" : "MISS";
  return row([name, command, ...figures, ...ratios, `<= ${budget.toFixed(2)}`, verdict]);
}
