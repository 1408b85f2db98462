/** Earlier processes of the same tunnel: they carry packets until the next one is ready. */
import { readdirSync, readFileSync, statSync } from "../kernel/sys/files.ts";
import { SysError } from "../kernel/sys/libc.ts";
import { type TunnelSettings, tunnelWord } from "./words.ts";

const namespaceOf = (process: string) => statSync(`/proc/${process}/ns/net`)?.identity;

/** Ends those of this link in this network namespace. Gives their process ids. Throws SysError. */
export function endPredecessors(link: string): number[] {
  const here = namespaceOf("self");
  const found = readdirSync("/proc")
    .map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && pid !== process.pid && linkOf(wordsOf(pid)) === link)
    .filter((pid) => namespaceOf(String(pid)) === here);
  for (const pid of found) end(pid);
  return found;
}

/** Which link a process with these words serves; undefined: it is none. */
export function linkOf(words: readonly string[]): string | undefined {
  const [settings] = words.slice(words.indexOf(tunnelWord)).slice(1);
  if (!words.includes(tunnelWord) || settings === undefined) return undefined;
  try {
    return (JSON.parse(settings) as Partial<TunnelSettings> | null)?.link;
  } catch {
    return undefined;
  }
}

/** None of one that has ended meanwhile. */
function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch (error) {
    if (error instanceof SysError || (error as Error).name === "FileError") return [];
    throw error;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}
