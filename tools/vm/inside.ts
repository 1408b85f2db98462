/** Runs the job's suites inside the VM and leaves their answers in the channel. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { runCleanly } from "../run-cleanly.ts";
import { type Answer, answerFile, type Job, jobFile } from "./job.ts";

const channel = process.argv[2]!;
const job: Job = JSON.parse(readFileSync(jobFile(channel), "utf8"));

for (const suite of job.suites) {
  const started = performance.now();
  const cases = await runCleanly(suite, job.root);
  const answer: Answer = { cases, tookMs: performance.now() - started };
  const path = answerFile(channel, suite.name);
  writeFileSync(`${path}.new`, JSON.stringify(answer));
  renameSync(`${path}.new`, path);
}
