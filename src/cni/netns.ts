/** Judges CNI_NETNS before anything is done with it. */
import { type FileStat, statSync } from "../kernel/sys/files.ts";
import type { CniEnv } from "./env.ts";
import { CniError, cniCodes } from "./errors.ts";

const ownPath = "/proc/thread-self/ns/net";

/**
 * The namespace's path; undefined for a DEL whose namespace is gone or was never named.
 * Throws CniError 8 when it is our own or doesn't exist, 4 when it is no namespace.
 *
 * Every namespace lies on the kernel's one nsfs, so device numbers tell a namespace from another
 * file. After `umount` the file that it was bound to stays, empty: for DEL that is "gone".
 */
export function checkNetns(env: CniEnv): string | undefined {
  if (env.netns === "") return undefined;
  const target = statOf(env.netns);
  const own = statSync(ownPath)!;
  const isNamespace = target !== undefined && target.device === own.device;
  if (!isNamespace) {
    if (env.verb === "DEL") return undefined;
    if (!target) throw new CniError(cniCodes.netns, `CNI_NETNS "${env.netns}" does not exist`);
    throw new CniError(
      cniCodes.environment,
      `CNI_NETNS "${env.netns}" is not a network namespace, but ${describe(target)}`,
    );
  }
  if (target.identity === own.identity && !env.netnsOverride) {
    throw new CniError(
      cniCodes.netns,
      `CNI_NETNS "${env.netns}" is the namespace that this plugin runs in: name the container's, or set CNI_NETNS_OVERRIDE=1`,
    );
  }
  return env.netns;
}

function statOf(path: string): FileStat | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ESRCH: /proc/<pid>/ns/net of a process that has just ended.
    if (code === "ENOTDIR" || code === "ESRCH") return undefined;
    throw new CniError(cniCodes.netns, `Cannot look at CNI_NETNS "${path}": ${message}`);
  }
}

function describe(target: FileStat): string {
  if (target.type === "folder") return "a folder";
  if (target.type === "file") return "a regular file";
  return "another kind of file";
}
