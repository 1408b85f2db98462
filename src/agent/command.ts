/** What `netloom agent` does: the agent, its log and its exit status. */
import { writeSync } from "../kernel/sys/files.ts";
import { jsonLog } from "../lib/log.ts";
import { type AgentSettings, startAgent, usualHostName } from "./run.ts";

export interface AgentRun extends Omit<AgentSettings, "log" | "host"> {
  readonly host?: string;
}

const stderr = 2;

/** Serves until a signal ends it. Gives the exit status. */
export async function runAgentCommand(run: AgentRun): Promise<number> {
  const write = (line: string) => writeSync(stderr, line);
  const log = jsonLog({ write, base: { pid: process.pid }, least: "info" });
  const signalled = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => signalled.resolve(signal));
  }
  try {
    const agent = await startAgent({ ...run, host: run.host ?? usualHostName(), log });
    const reason = await signalled.promise;
    await agent.stop();
    log({ level: "info", event: "ended", reason });
    // A request to a server that is away may still be under way.
    process.exit(0);
  } catch (error) {
    writeSync(stderr, `netloom agent: ${(error as Error).message}\n`);
    return 1;
  }
}
