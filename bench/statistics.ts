/** The few figures that describe a series of measurements. */

/** The value below which `share` (0 to 1) of the series lies, by nearest rank. NaN if empty. */
export function quantile(series: readonly number[], share: number): number {
  const sorted = [...series].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value. */
export const median = (series: readonly number[]) => quantile(series, 0.5);
