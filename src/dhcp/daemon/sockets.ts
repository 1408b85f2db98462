/** Where the daemon listens: sockets that systemd opened for it, and paths of its own. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  removeSync,
  statSync,
  writeFileSync,
} from "../../kernel/sys/files.ts";
import { flock, SysError } from "../../kernel/sys/libc.ts";
import { parentOf } from "../../lib/path.ts";

/** Another daemon serves already. */
export class TakenError extends Error {
  override readonly name = "TakenError";
}

/**
 * For as long as it is held no other daemon of this run directory begins. `replaces`: one that
 * serves already is told to end. Throws TakenError.
 */
export function lockRunDir(runDir: string, { replaces = false } = {}): Disposable {
  const path = `${runDir}/dhcp.lock`;
  if (!existsSync(runDir)) mkdirSync(runDir, 0o755);
  const fd = openSync(path, "r+ or new", 0o600);
  if (replaces && !isLockedAtOnce(fd)) endHolder(path);
  if (!isLocked(fd)) {
    closeSync(fd);
    throw new TakenError(
      `Another DHCP daemon serves ${runDir}: stop it first, or set NETLOOM_RUN_DIR and ` +
        "NETLOOM_STATE_DIR for one beside it",
    );
  }
  // For whoever wants to end it.
  writeFileSync(path, `${process.pid}\n`, 0o600);
  return { [Symbol.dispose]: () => closeSync(fd) };
}

const tries = 50;
const pauseMs = 20;

/** One that was killed holds its lock until the last of its threads has ended. */
function isLocked(fd: number): boolean {
  for (let left = tries; left > 0; left--) {
    if (isLockedAtOnce(fd)) return true;
    Bun.sleepSync(pauseMs);
  }
  return false;
}

function isLockedAtOnce(fd: number): boolean {
  try {
    flock(fd, "tryExclusive");
    return true;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return false;
  }
}

/** Ends the process that the lock names, if that has the lock's file open: its leases stay. */
function endHolder(path: string): void {
  const pid = Number.parseInt(readFileSync(path), 10);
  if (!(pid > 1)) return;
  try {
    const folder = `/proc/${pid}/fd`;
    const { identity } = statSync(path)!;
    const isIt = readdirSync(folder).some(
      ({ name }) => statSync(`${folder}/${name}`)?.identity === identity,
    );
    if (isIt) process.kill(pid, "SIGTERM");
  } catch {
    // Gone meanwhile, or out of reach: whether the lock is free tells.
  }
}

const firstPassedFd = 3;

/** Descriptors that systemd passed to this very process. Source: sd_listen_fds(3). */
export function passedSockets(env: NodeJS.ProcessEnv, pid: number): number[] {
  const { LISTEN_PID, LISTEN_FDS } = env;
  if (LISTEN_PID !== String(pid)) return [];
  const count = Number.parseInt(LISTEN_FDS ?? "", 10);
  return Number.isInteger(count) ? Array.from({ length: count }, (_, i) => firstPassedFd + i) : [];
}

/** Paths that the sockets behind these descriptors are bound to. Source: proc(5), net/unix. */
export function boundPaths(fds: readonly number[], linkOf: (fd: number) => string): string[] {
  const inodes = fds.map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(fd))?.[1]);
  const rows = readFileSync("/proc/net/unix")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, , , , , , inode, path]) =>
    path !== undefined && inodes.includes(inode) ? path : [],
  );
}

/**
 * Makes room for a socket at `path`: its folder, and away with one that nobody listens on any
 * more. Throws TakenError where somebody does.
 */
export async function clearPath(path: string): Promise<void> {
  if (!existsSync(parentOf(path))) mkdirSync(parentOf(path), 0o700);
  if (!existsSync(path)) return;
  if (await isServed(path)) {
    throw new TakenError(`Cannot listen at "${path}": another program does. Stop it first`);
  }
  removeSync(path);
}

async function isServed(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
