/** Calls the DHCP daemon, which is begun where there is none. */
import type { Paths } from "../engine/paths.ts";
import { existsSync, readdirSync, statSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";
import type { DhcpAnswer, DhcpCall, HeldLease } from "../model/dhcp.ts";
import { CniError, cniCodes } from "./errors.ts";

/** Where the reference's daemon and plugin meet, unless told otherwise. */
export const referenceSocket = "/run/cni/dhcp.sock";
const usualRunDir = "/run/netloom";

/** Which daemon. */
export interface DaemonPlace {
  readonly paths: Paths;
  /** What the configuration names. */
  readonly socketPath?: string;
  readonly log: Log;
}

const codes: Readonly<Record<string, number>> = {
  LeaseError: cniCodes.tryLater,
  LinkError: cniCodes.netns,
  NetnsError: cniCodes.netns,
  NetlinkError: cniCodes.kernel,
  StoreError: cniCodes.io,
  RangeError: cniCodes.config,
};

/** Asks the daemon, and begins one if none answers. Throws CniError. */
export async function callDaemon(
  place: DaemonPlace,
  call: DhcpCall,
): Promise<readonly HeldLease[]> {
  const answer = (await askRunning(place, call)) ?? (await askNew(place, call));
  return leasesIn(answer);
}

/**
 * The same for who takes leases away: where no daemon runs and none has left a lease, there is
 * nothing to be done. Throws CniError.
 */
export async function callDaemonIfAny(
  place: DaemonPlace,
  call: DhcpCall,
): Promise<readonly HeldLease[]> {
  const answer = await askRunning(place, call);
  if (answer) return leasesIn(answer);
  return hasLeases(place.paths) ? leasesIn(await askNew(place, call)) : [];
}

/** Tells a daemon that runs, and begins none. What it refuses is logged. */
export async function tellRunningDaemon(place: DaemonPlace, call: DhcpCall): Promise<void> {
  const answer = await askRunning(place, call);
  if (!answer || answer.ok) return;
  const error = answer.error.message;
  place.log({ level: "warn", event: "DHCP daemon refuses", call: call.verb, error });
}

/** Throws CniError 50 unless a daemon runs or can be begun. */
export async function requireDaemon(place: DaemonPlace): Promise<void> {
  if (await askRunning(place, { verb: "status" })) return;
  if (isExecutable() && existsSync(process.execPath)) return;
  throw new CniError(cniCodes.unavailable, `No DHCP daemon answers, and none can be begun`);
}

function leasesIn(answer: DhcpAnswer): readonly HeldLease[] {
  if (answer.ok) return answer.leases;
  const { name, message } = answer.error;
  throw new CniError(codes[name] ?? cniCodes.internal, message);
}

function hasLeases({ stateDir }: Paths): boolean {
  const folder = `${stateDir}/dhcp`;
  return existsSync(folder) && readdirSync(folder).some(({ name }) => name.endsWith(".json"));
}

/** Asks at each place where a daemon may be. */
async function askRunning(place: DaemonPlace, call: DhcpCall): Promise<DhcpAnswer | undefined> {
  for (const path of socketPaths(place)) {
    if (!isSocket(path)) continue;
    const answer = await ask(path, call);
    if (answer === "foreign") {
      place.log({ level: "warn", event: "foreign DHCP daemon passed over", path });
    } else if (answer) return answer;
  }
  return undefined;
}

function socketPaths({ paths, socketPath }: DaemonPlace): string[] {
  const own = `${paths.runDir}/dhcp.sock`;
  // An instance with directories of its own has nothing to do with what the host shares.
  const usual = paths.runDir === usualRunDir ? referenceSocket : own;
  return [...new Set([socketPath ?? usual, own])];
}

function isSocket(path: string): boolean {
  try {
    return statSync(path)?.type === "other";
  } catch {
    return false;
  }
}

/** Undefined where nobody listens; "foreign" where somebody does who doesn't speak as we do. */
async function ask(path: string, call: DhcpCall): Promise<DhcpAnswer | "foreign" | undefined> {
  const ended = Promise.withResolvers<string>();
  const decoder = new TextDecoder();
  let text = "";
  let socket: { write(data: string): number; end(): void };
  try {
    socket = await Bun.connect({
      unix: path,
      socket: {
        data(_, data) {
          text += decoder.decode(data, { stream: true });
        },
        close: () => ended.resolve(text),
        error: () => ended.resolve(text),
      },
    });
  } catch {
    return undefined;
  }
  socket.write(`${JSON.stringify(call)}\n`);
  return parsedAnswer(await ended.promise);
}

/** A daemon that ends in the middle of a call says nothing: the next one is asked. */
function parsedAnswer(text: string): DhcpAnswer | "foreign" | undefined {
  if (text === "") return undefined;
  try {
    const answer = JSON.parse(text) as DhcpAnswer;
    if (answer.ok === true && Array.isArray(answer.leases)) return answer;
    if (answer.ok === false && typeof answer.error?.message === "string") return answer;
  } catch {
    // Said below.
  }
  return "foreign";
}

const startPatienceMs = 10_000;
const mostBegun = 5;

/** Begins a daemon, which outlives us, and asks it. Several may be begun: one stays. */
async function askNew(place: DaemonPlace, call: DhcpCall): Promise<DhcpAnswer> {
  if (!isExecutable()) {
    throw new CniError(cniCodes.unavailable, 'No DHCP daemon answers: start "netloom dhcp"');
  }
  let child = begin(place.paths);
  let begun = 1;
  const end = performance.now() + startPatienceMs;
  for (let pauseMs = 2; performance.now() < end; pauseMs = Math.min(2 * pauseMs, 50)) {
    await Bun.sleep(pauseMs);
    const answer = await askRunning(place, call);
    if (answer) return answer;
    // Another was quicker, and ended since; or a hand killed it.
    if (child.exitCode === null && child.signalCode === null) continue;
    if (++begun > mostBegun) break;
    child = begin(place.paths);
  }
  throw new CniError(
    cniCodes.unavailable,
    `No DHCP daemon answers at ${place.paths.runDir}/dhcp.sock, though one was begun: ` +
      `see ${place.paths.runDir}/dhcp.log`,
  );
}

function begin(paths: Paths) {
  const child = Bun.spawn([process.execPath, "dhcp", "--on-demand"], {
    argv0: "netloom",
    // In a session of its own: no signal to our group or terminal ends it.
    detached: true,
    cwd: "/",
    env: daemonEnv(paths),
    stdio: ["ignore", "ignore", "ignore"],
  });
  child.unref();
  return child;
}

/** From source there is no executable that could be begun. */
function isExecutable(): boolean {
  return Bun.main.startsWith("/$bunfs/");
}

/** What concerns one call is not the daemon's. */
function daemonEnv({ stateDir, runDir }: Paths): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(CNI_|LISTEN_|NETLOOM_LOG$|NOTIFY_SOCKET$|TRACEPARENT$)/.test(name),
  );
  return { ...Object.fromEntries(kept), NETLOOM_STATE_DIR: stateDir, NETLOOM_RUN_DIR: runDir };
}
