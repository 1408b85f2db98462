/** Where this instance keeps its files. */

/** Directories of one instance. */
export interface Paths {
  /** Survives a reboot: records, indexes. */
  readonly stateDir: string;
  /** Gone with a reboot: locks, markers. */
  readonly runDir: string;
}

/** From `NETLOOM_STATE_DIR` and `NETLOOM_RUN_DIR`, else /var/lib/netloom and /run/netloom. */
export function pathsFromEnv(env: Readonly<Record<string, string | undefined>>): Paths {
  return {
    stateDir: env.NETLOOM_STATE_DIR || "/var/lib/netloom",
    runDir: env.NETLOOM_RUN_DIR || "/run/netloom",
  };
}
