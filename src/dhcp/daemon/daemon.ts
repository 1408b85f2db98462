/** The DHCP daemon: from its settings to its end. */
import { readlinkSync } from "node:fs";
import { existsSync, removeSync, statSync, writeFileSync } from "../../kernel/sys/files.ts";
import type { Log } from "../../lib/log.ts";
import type { DhcpAnswer, DhcpCall, HeldLease } from "../../model/dhcp.ts";
import { protocols } from "../protocols.ts";
import { Keeper } from "./keeper.ts";
import { CallServer } from "./server.ts";
import { boundPaths, clearPath, lockRunDir, passedSockets } from "./sockets.ts";
import { LeaseStore } from "./store.ts";
import { bootId, random, sinceBoot } from "./uptime.ts";

export interface DaemonSettings {
  readonly stateDir: string;
  readonly runDir: string;
  /** Where to listen beside `<runDir>/dhcp.sock`. */
  readonly socketPath?: string;
  readonly pidFile?: string;
  /** Put before every path that a call names, and before the sockets' and files' own. */
  readonly hostPrefix: string;
  readonly broadcast: boolean;
  /** How long a lease is asked for. */
  readonly patienceMs: number;
  readonly maxRetryMs: number;
  /** Ends when nothing was held and nobody called for so long; absent: never. */
  readonly idleMs?: number;
  readonly log: Log;
}

/** The socket that plugins look for. */
export function socketPathOf(runDir: string): string {
  return `${runDir}/dhcp.sock`;
}

const sweepMs = 30_000;

/** Serves until a signal or idleness ends it. Throws TakenError, StoreError. */
export async function runDaemon(settings: DaemonSettings): Promise<void> {
  const { hostPrefix, log, patienceMs, maxRetryMs, broadcast, pidFile } = settings;
  const runDir = hostPrefix + settings.runDir;
  // Systemd has put its sockets in the place of those of a daemon that ran: nobody finds that one.
  const replaces = passedSockets(process.env, process.pid).length > 0;
  using _lock = lockRunDir(runDir, { replaces });
  const keeper = new Keeper({
    protocols,
    store: new LeaseStore(`${hostPrefix}${settings.stateDir}/dhcp`),
    world: { now: sinceBoot, random },
    boot: bootId(),
    log,
    patienceMs,
    maxRetryMs,
    broadcast,
  });
  const ended = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => ended.resolve(signal));
  keeper.load();
  const server = new CallServer(
    (call, gone) => serve(keeper, prefixed(call, hostPrefix), gone),
    log,
  );
  const made = await listen(server, settings, runDir);
  if (pidFile !== undefined) writeFileSync(pidFile, String(process.pid), 0o644);
  log({ level: "info", event: "serving", sockets: made.served, leases: keeper.list().length });
  const watch = watchIdle(keeper, server, settings.idleMs, () => ended.resolve("nothing to do"));
  const reason = await ended.promise;
  clearInterval(watch);
  // Another's may lie there by now.
  const isOurs = ([path, identity]: [string, string | undefined]) => identityOf(path) === identity;
  server.close({ listening: ![...made.own].every(isOurs) });
  keeper.stop();
  for (const each of made.own) if (existsSync(each[0]) && isOurs(each)) removeSync(each[0]);
  if (pidFile !== undefined && existsSync(pidFile)) removeSync(pidFile);
  log({ level: "info", event: "ended", reason });
}

/** Sockets that systemd opened, and those of ours that are not among them. */
async function listen(
  server: CallServer,
  { hostPrefix, socketPath }: DaemonSettings,
  runDir: string,
) {
  const fds = passedSockets(process.env, process.pid);
  const passed = boundPaths(fds, (fd) => readlinkSync(`/proc/self/fd/${fd}`));
  for (const fd of fds) await server.listen({ fd });
  const wanted = [
    socketPathOf(runDir),
    ...(socketPath !== undefined && fds.length === 0 ? [hostPrefix + socketPath] : []),
  ];
  const own = wanted.filter((path) => !passed.includes(path));
  const made = new Map<string, string | undefined>();
  for (const path of own) {
    await clearPath(path);
    await server.listen({ path });
    made.set(path, identityOf(path));
  }
  return { own: made, served: [...passed, ...own] };
}

/** Undefined where nothing is. */
function identityOf(path: string): string | undefined {
  return existsSync(path) ? statSync(path)?.identity : undefined;
}

/** Looks after the leases, and whether there are any. */
function watchIdle(
  keeper: Keeper,
  server: CallServer,
  idleMs: number | undefined,
  end: () => void,
) {
  let busyAt = performance.now();
  const periodMs = Math.min(sweepMs, idleMs === undefined ? sweepMs : Math.max(idleMs / 2, 100));
  return setInterval(() => {
    keeper.sweep();
    if (!keeper.isIdle || !server.isIdle) busyAt = performance.now();
    else if (idleMs !== undefined && performance.now() - busyAt >= idleMs) end();
  }, periodMs);
}

function prefixed(call: DhcpCall, hostPrefix: string): DhcpCall {
  return call.verb === "acquire" ? { ...call, netns: hostPrefix + call.netns } : call;
}

async function serve(keeper: Keeper, call: DhcpCall, gone: AbortSignal): Promise<DhcpAnswer> {
  const leases = await doneBy(keeper, call, gone);
  return { ok: true, leases };
}

async function doneBy(keeper: Keeper, call: DhcpCall, gone: AbortSignal): Promise<HeldLease[]> {
  switch (call.verb) {
    case "acquire": {
      const { holder } = call;
      const leases = await keeper.acquire(call, gone);
      return leases.map((lease) => ({ holder, lease }));
    }
    case "release":
      await keeper.release(call.holder);
      return [];
    case "giveUp":
      keeper.giveUp(call.holder);
      return [];
    case "collect":
      return keeper.collect(call.network, call.valid);
    case "list":
      return keeper.list();
    case "status":
      return [];
  }
}
