/** A private host: this program again, in namespaces where nothing can hurt the machine. */
import { mkdirSync, openSync, readFileSync, rmdirSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { flock } from "../src/kernel/sys/libc.ts";
import { stateDirs } from "./leftovers.ts";

const lockFile = "/run/lock/netloom-private-hosts";
const marker = "NETLOOM_PRIVATE_HOST";

/**
 * Network, mounts and processes of its own; /sys shows them, cgroups stay reachable, and neither
 * named namespaces nor state of the machine is in sight. The shell stays as process 1 and reaps
 * orphans.
 */
const prepare = `
set -e
cgroups=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$cgroups"
mount -t sysfs sysfs /sys
mount --move "$cgroups" /sys/fs/cgroup
rmdir "$cgroups"
umount -R -l /run/netns 2>/dev/null || true
for dir in $NETLOOM_PRIVATE_DIRS; do mount -t tmpfs -o mode=0755 netloom-test "$dir"; done
unset NETLOOM_PRIVATE_DIRS
ip link set lo up
set +e
"$@"
exit $?
`;

/** Each is covered by an empty file system of the private host's own. */
const hiddenDirs = ["/run/netns", ...stateDirs];

/** Whether this process is inside already. */
export function inPrivateHost(): boolean {
  return process.env[marker] !== undefined;
}

/**
 * Runs this program's command line again inside, and gives its exit status. When that process
 * ends, or this one is killed, everything that still runs inside is killed with it.
 */
export async function runInPrivateHost(): Promise<number> {
  const unshare =
    "unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc";
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const places = new MountPoints();
  const child = Bun.spawn([...unshare.split(" "), "sh", "-c", prepare, "sh", ...again], {
    env: { ...process.env, [marker]: "1", NETLOOM_PRIVATE_DIRS: hiddenDirs.join(" ") },
    stdio: ["ignore", "inherit", "inherit"],
  });
  // Ctrl-C on a terminal reaches those inside too: they get the time to say so.
  const end = () => child.kill("SIGKILL");
  process.on("SIGINT", () => setTimeout(end, 1000).unref());
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const status = await child.exited;
  // A killed process 1 takes the others with it, but a moment later.
  if (child.signalCode) await Bun.sleep(300);
  places.release();
  return status;
}

/**
 * The folders to mount over. Those that we make go with the last private host: removing one
 * earlier would take the mounts on it away from the others.
 */
class MountPoints {
  readonly #lock: number;

  constructor() {
    mkdirSync(dirname(lockFile), { recursive: true });
    this.#lock = openSync(lockFile, "a+");
    flock(this.#lock, "shared");
    for (const dir of hiddenDirs) {
      if (mkdirSync(dir, { recursive: true }) !== undefined) writeSync(this.#lock, `${dir}\n`);
    }
  }

  release(): void {
    try {
      flock(this.#lock, "tryExclusive");
    } catch {
      return;
    }
    const made = readFileSync(lockFile, "utf8").split("\n").filter(Boolean);
    for (const dir of made) removeIfEmpty(dir);
    truncateSync(lockFile);
  }
}

/** Another program may have put something into it meanwhile: then it stays. */
function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {}
}
