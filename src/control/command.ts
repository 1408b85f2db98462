/** What `netloom server` and `netloom up` do, with their log and exit status. */
import { existsSync, mkdirSync, writeSync } from "../kernel/sys/files.ts";
import { jsonLog, type Log } from "../lib/log.ts";
import type { Silence } from "./reconcile/reconciler.ts";
import { startServer, type TlsSettings } from "./server.ts";
import { openStore, usualStoreUrl } from "./store/open.ts";

export interface ServerCommand {
  /** What it is called on the command line. */
  readonly name: "server" | "up";
  readonly stateDir: string;
  readonly runDir: string;
  /** Where objects are kept; in a file of the state directory unless set. */
  readonly store?: string;
  readonly tls?: TlsSettings;
  readonly silence?: Silence;
}

const stderr = 2;

/** What serves in the same process, once the server does: it ends before the server. */
export type Beside = (log: Log) => Promise<{ stop(): Promise<void> }>;

/** Serves until a signal. Gives the exit status. */
export async function runServerCommand(
  command: ServerCommand,
  version: string,
  beside?: Beside,
): Promise<number> {
  const { stateDir, runDir, tls, silence } = command;
  const write = (line: string) => writeSync(stderr, line);
  const log = jsonLog({ write, base: { pid: process.pid }, least: "info" });
  const ended = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  try {
    if (!existsSync(stateDir)) mkdirSync(stateDir, 0o755);
    const store = await openStore(command.store ?? usualStoreUrl(stateDir));
    try {
      const server = await startServer({
        ...{ store, runDir, stateDir, version, log, tls },
        ...(silence && { silence }),
      });
      try {
        const other = await beside?.(log);
        await ended;
        log({ level: "info", event: "ending" });
        await other?.stop();
      } finally {
        await server.close();
      }
    } finally {
      await store.close();
    }
    return 0;
  } catch (error) {
    writeSync(stderr, `netloom ${command.name}: ${(error as Error).message}\n`);
    return 1;
  }
}
