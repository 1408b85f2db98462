/** What the host asks of the VM, and where in the shared folder the answers stand. */
import { join } from "node:path";
import type { TestCase } from "../junit.ts";
import type { Suite } from "../suites.ts";

export interface Job {
  /** The project's root, the same inside. */
  readonly root: string;
  readonly suites: readonly Suite[];
}

/** What came of one suite. */
export interface Answer {
  readonly cases: readonly TestCase[];
  readonly tookMs: number;
}

export const jobFile = (channel: string) => join(channel, "job.json");

/** Renamed to this when whole. */
export const answerFile = (channel: string, suite: string) => join(channel, `answer-${suite}.json`);
