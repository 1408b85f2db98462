/** An agent's run directory: one agent serves it, and says in it who it is. */
import {
  type AboutAgent,
  type AboutControl,
  aboutAgentFile,
  agentLock,
  controlFile,
} from "../engine/agent-files.ts";
import { closeSync, existsSync, FileError, mkdirSync, openSync } from "../kernel/sys/files.ts";
import { flock, SysError } from "../kernel/sys/libc.ts";
import { replaceFile } from "../kernel/sys/whole-file.ts";
import type { Log } from "../lib/log.ts";
import { timestamp } from "./timestamp.ts";

/** Another agent serves already. */
export class TakenError extends Error {
  override readonly name = "TakenError";
}

const tries = 50;
const pauseMs = 20;

/** For as long as the result lives no other agent serves the directory. Throws TakenError. */
export async function lockDir(dir: string, what: string): Promise<Disposable> {
  if (!existsSync(dir)) mkdirSync(dir, 0o755);
  const fd = openSync(agentLock({ runDir: dir }), "r+ or new", 0o600);
  // One that was killed holds its lock until the last of its threads has ended.
  for (let left = tries; left > 0; left--) {
    if (isLocked(fd)) return { [Symbol.dispose]: () => closeSync(fd) };
    await Bun.sleep(pauseMs);
  }
  closeSync(fd);
  throw new TakenError(
    `Another agent uses ${what} "${dir}": stop it first, or give this one --run-dir and ` +
      "--state-dir of its own",
  );
}

function isLocked(fd: number): boolean {
  try {
    flock(fd, "tryExclusive");
    return true;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return false;
  }
}

/** For plugins, while the agent is away. Throws FileError. */
export function sayWho(runDir: string, about: AboutAgent): void {
  replaceFile(aboutAgentFile({ runDir }), JSON.stringify(about));
}

interface Reached {
  readonly servers: readonly string[];
  readonly isReached: boolean;
}

/** For the doctor. Where the disk takes nothing that is logged: nobody else depends on it. */
export function sayReached(runDir: string, { servers, isReached }: Reached, log: Log): void {
  const about: AboutControl = { version: 1, servers, isReached, since: timestamp() };
  try {
    replaceFile(controlFile({ runDir }), JSON.stringify(about));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    log({ level: "warn", event: "control plane's state not noted", error: error.message });
  }
}
