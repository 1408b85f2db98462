/** Runs programs, optionally inside a network namespace, and gives back what they said. */
import { patient } from "./patience.ts";

/** What a finished program said. */
export interface Finished {
  /** Exit status; 128 and the signal's number added where a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Name below /var/run/netns; absent: where the tests run. */
  readonly netns?: string;
  readonly stdin?: string;
  /** The whole environment but PATH and HOME. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The program is killed after so long, in the VM after several times that. */
  readonly timeoutMs?: number;
}

/** Programs that the host's PATH must offer. */
export const systemPath = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs `argv` to its end. Throws only where it cannot be started. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = Bun.spawn(inside(argv, options.netns), {
    stdin: new TextEncoder().encode(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
    cwd: options.cwd,
    env: { PATH: systemPath, HOME: "/root", ...options.env },
    timeout: patient(options.timeoutMs ?? 30_000),
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** The same for a shell script. A failure throws with what it said. */
export async function shell(script: string, options: RunOptions = {}): Promise<string> {
  const finished = await run(["sh", "-ec", script], options);
  if (finished.status === 0) return finished.stdout;
  throw new Error(`Cannot run "${script}": ${finished.stderr}${finished.stdout}`);
}

/** The command line that runs `argv` in the namespace. */
export function inside(argv: readonly string[], netns: string | undefined): string[] {
  return netns === undefined ? [...argv] : ["nsenter", `--net=/var/run/netns/${netns}`, ...argv];
}
