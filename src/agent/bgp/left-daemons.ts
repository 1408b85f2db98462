/**
 * BGP daemons that agents left on this host: each goes on for the next agent, and where there is to
 * be none, nobody ends it but this.
 */
import { BgpSpeaker } from "../../bgp/speaker.ts";
import { bootId } from "../../engine/boot.ts";
import { instancePaths, type Paths } from "../../engine/paths.ts";
import { listRecords } from "../../engine/record.ts";
import { existsSync, readdirSync } from "../../kernel/sys/files.ts";
import { silentLog } from "../../lib/log.ts";
import { Sole } from "../routed/sole.ts";
import { lockDir, TakenError } from "../run-dir.ts";

/**
 * Ends those whose agent does not run and has no container attached, with the routes that they
 * learnt; gives what was removed, in words. Throws FileError, NetlinkError.
 */
export async function endLeftDaemons(paths: Paths): Promise<readonly string[]> {
  const found = instancesOf(paths)
    .map((instance) => instancePaths(instance, paths))
    .map((own) => ({ own, dir: `${own.runDir}/bgp` }))
    .filter(({ own, dir }) => existsSync(dir) && !hasAttachments(own));
  if (found.length === 0) return [];
  using lock = await lockedFor(paths.runDir);
  if (!lock) return [];
  using sole = new Sole();
  for (const { dir } of found) {
    const speaker = new BgpSpeaker({ dir, log: silentLog, onStatus: () => {} });
    await speaker.leave({ keepsRoutes: !sole.isTaken() });
  }
  return found.map(({ own }) => `BGP daemon of the agent "${own.instance}"`);
}

const hasAttachments = (own: Paths): boolean =>
  listRecords(own).some(({ boot }) => boot === bootId());

function instancesOf({ runDir }: Paths): string[] {
  const folder = `${runDir}/instances`;
  return existsSync(folder) ? readdirSync(folder).map(({ name }) => name) : [];
}

/** Undefined: an agent serves. */
async function lockedFor(runDir: string): Promise<Disposable | undefined> {
  try {
    return await lockDir(runDir, "the run directory");
  } catch (error) {
    if (error instanceof TakenError) return undefined;
    throw error;
  }
}
