/** Where an instance keeps its files. */

import type { RecordCache } from "./record-cache.ts";

/** What in-process plugins call themselves. */
export const inProcess = "cni";

/** Whose objects. Absent: those of in-process plugins, which all share one instance. */
export interface Instance {
  /** `[a-z0-9]{1,8}`, an agent's own name. */
  readonly instance?: string;
}

/** Directories of one instance. No two instances may share them. */
export interface Paths extends Instance {
  /** Survives a reboot: records, indexes. */
  readonly stateDir: string;
  /** Gone with a reboot: locks, markers. */
  readonly runDir: string;
  /** What a resident process keeps of the records in memory. */
  readonly records?: RecordCache;
}

/** From `NETLOOM_STATE_DIR` and `NETLOOM_RUN_DIR`, else /var/lib/netloom and /run/netloom. */
export function pathsFromEnv(env: Readonly<Record<string, string | undefined>>): Paths {
  return {
    stateDir: env.NETLOOM_STATE_DIR || "/var/lib/netloom",
    runDir: env.NETLOOM_RUN_DIR || "/run/netloom",
  };
}

/**
 * Where an agent keeps what the engine writes, below its own directories, which may be those of
 * in-process plugins too. Throws RangeError for a name that no instance may have.
 */
export function instancePaths(instance: string, { stateDir, runDir }: Paths): Paths {
  if (!/^[a-z0-9]{1,8}$/.test(instance) || instance === inProcess) {
    throw new RangeError(
      `Cannot call an instance "${instance}": take 1 to 8 letters a-z and digits, not "${inProcess}"`,
    );
  }
  const dir = `instances/${instance}`;
  return { instance, stateDir: `${stateDir}/${dir}`, runDir: `${runDir}/${dir}` };
}

/**
 * The run directory that an instance shares with in-process plugins; in an overlay's namespace
 * there are none, and it has one of its own for what is shared elsewhere.
 */
export function sharedRunDir({ instance, runDir }: Paths): string {
  if (instance === undefined) return runDir;
  const own = `/instances/${instance}`;
  return runDir.endsWith(own) ? runDir.slice(0, -own.length) : `${runDir}/shared`;
}
