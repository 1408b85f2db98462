/** Measures every contestant at one workload, alternating, and keeps the series. */
import { Attachment, type ChainSample } from "./attachment.ts";
import type { Command } from "./run-plugin.ts";
import type { Contestant, Lane, Workload } from "./workloads.ts";

/** Measurements of one verb by one contestant. */
export interface Series {
  /** A chain's wall time with nothing beside it, a value a round. */
  readonly serialMs: number[];
  readonly cpuMs: number[];
  /** A chain's wall time with the other lanes at work. */
  readonly parallelMs: number[];
  /** A round's wall time over its lanes: what one attachment costs a busy host. */
  readonly shareMs: number[];
  peakMiB: number;
}

export type Measured = ReadonlyMap<Contestant, Readonly<Record<Command, Series>>>;

export interface Effort {
  readonly serialRounds: number;
  readonly parallelRounds: number;
}

/** How many attachments the parallel rounds make at once. */
export const lanesAtOnce = 8;

/** Where the attachments are made: `lanesAtOnce` lanes for each contestant. */
export interface Place {
  readonly dir: string;
  readonly lanes: readonly Lane[];
}

/** Every contestant at one workload. */
export async function measure(
  workload: Workload,
  contestants: readonly Contestant[],
  { place, effort }: { place: Place; effort: Effort },
): Promise<Measured> {
  const measured = new Map(contestants.map((contestant) => [contestant, emptySeries()]));
  const attachments = new Map(
    contestants.map((contestant, index) => [
      contestant,
      // Each has containers of its own: all attach them as eth0, at the same time.
      place.lanes
        .slice(index * lanesAtOnce, (index + 1) * lanesAtOnce)
        .map(
          (lane) => new Attachment(workload, contestant, lane, `${place.dir}/${contestant.index}`),
        ),
    ]),
  );
  // The first of each makes the bridge and warms the page cache, and is worth one memory figure.
  for (const contestant of contestants) {
    const first = attachments.get(contestant)![0]!;
    for (const command of ["ADD", "DEL"] as const) {
      measured.get(contestant)![command].peakMiB = first.peakMemoryMiB(command);
    }
  }
  for (let round = 0; round < effort.serialRounds; round++) {
    for (const command of ["ADD", "DEL"] as const) {
      for (const contestant of rotated(contestants, round)) {
        const series = measured.get(contestant)![command];
        const sample = attachments.get(contestant)![0]!.alone(command);
        series.serialMs.push(sample.wallMs);
        series.cpuMs.push(sample.cpuMs);
      }
    }
  }
  for (let round = 0; round < effort.parallelRounds; round++) {
    for (const contestant of rotated(contestants, round)) {
      for (const command of ["ADD", "DEL"] as const) {
        await together(attachments.get(contestant)!, command, measured.get(contestant)![command]);
      }
    }
  }
  return measured;
}

async function together(attachments: readonly Attachment[], command: Command, series: Series) {
  const start = Bun.nanoseconds();
  const samples: ChainSample[] = await Promise.all(
    attachments.map((attachment) => attachment.beside(command)),
  );
  series.shareMs.push((Bun.nanoseconds() - start) / 1e6 / attachments.length);
  series.parallelMs.push(...samples.map((sample) => sample.wallMs));
}

/** Nobody always goes first: each starts from the state that another left. */
const rotated = <T>(items: readonly T[], by: number): T[] => [
  ...items.slice(by % items.length),
  ...items.slice(0, by % items.length),
];

const emptySeries = (): Record<Command, Series> => ({ ADD: emptyOne(), DEL: emptyOne() });

const emptyOne = (): Series => ({
  serialMs: [],
  cpuMs: [],
  parallelMs: [],
  shareMs: [],
  peakMiB: Number.NaN,
});
