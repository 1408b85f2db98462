/** BGP on a host: the daemon, its configuration, and what it learns in the kernel. */
import { existsSync, readFileSync } from "node:fs";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { replaceFile } from "../kernel/sys/whole-file.ts";
import type { Log } from "../lib/log.ts";
import { Daemon } from "./daemon.ts";
import { type Desired, desired } from "./desired.ts";
import type { GobgpClient } from "./gobgp/client.ts";
import type { BgpInput } from "./input.ts";
import { LearntRoutes } from "./learnt-routes.ts";
import { learntPath } from "./paths.ts";
import { type Applied, needsAnother, nothingApplied, reconcile } from "./reconcile.ts";
import { haveAllTold, type Session, sessionsOf, signatureCounts } from "./sessions.ts";

export interface BgpStatus {
  /** Of the daemon; empty where there is none. */
  readonly version: string;
  readonly sessions: readonly Session[];
  /** Of the input, by whom it is of: `bgpconfiguration`, `bgppeer/<name>`, `host/<name>`. */
  readonly faults: Desired["faults"];
  /** Why there is no daemon, or it doesn't do as it is told. */
  readonly error?: string;
}

export interface SpeakerOptions {
  /** A directory of its own below the agent's run directory: a boot must empty it. */
  readonly dir: string;
  readonly program?: string;
  readonly log: Log;
  /** Told at each change of what it says. */
  readonly onStatus: (status: BgpStatus) => void;
}

const tickMs = 1000;
const repairMs = 10_000;
/** What the daemon learnt last comes so much after the last End of RIB. */
const settleMs = 3000;
/** Signatures that were dropped so long ago explain nothing any more. */
const recentMs = 10_000;

/**
 * To be used so: `new BgpSpeaker({ dir, log, onStatus })`, then `configure(input)` with all that
 * BGP follows from, again whenever any of it is another; the first call starts the daemon. `stop()`
 * ends our part alone: sessions and routes stay for the next speaker with this directory, as when
 * an agent is replaced. `leave()` is for good, when the host has no network with backend bgp any
 * more: peers are told, and learnt routes go. Works in the network namespace of the process. Where
 * a service manager kills the whole group of processes at its end, it must spare the daemon
 * (systemd: `KillMode=process`), or peers lose the host's routes until the next start.
 */
export class BgpSpeaker {
  readonly #options: SpeakerOptions;
  readonly #daemon: Daemon;
  readonly #routes: LearntRoutes;
  readonly #socket = new NetlinkSocket("route");
  readonly #stopping = new AbortController();
  #want: Desired | undefined;
  #applied: Applied = nothingApplied();
  #pid: number | undefined;
  #watch: AbortController | undefined;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  /** Performance time at which routes that nobody confirmed go; undefined: none is in doubt. */
  #sweepAt: number | undefined;
  #isSettling = false;
  /** The daemon is not the first, and was not yet given all. */
  #isRestart = false;
  #repairedAt = 0;
  #said = "";
  #counts: { at: number; counts: ReturnType<typeof signatureCounts> }[] = [];

  /** Throws NetlinkError. */
  constructor(options: SpeakerOptions) {
    this.#options = options;
    const { dir, program = "gobgpd", log } = options;
    this.#daemon = new Daemon({ dir, program, log });
    this.#routes = new LearntRoutes(this.#socket, log);
  }

  /** How many prefixes are learnt. */
  get learnt(): number {
    return this.#routes.size;
  }

  /** Whether a learnt prefix leads to all of this one. */
  learns(prefix: string): boolean {
    return this.#routes.covers(prefix);
  }

  configure(input: BgpInput): void {
    this.#want = desired(input);
    this.#running ??= this.#run();
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    this.#watch?.abort();
    this.#daemon[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  /** `keepsRoutes`: learnt routes stay, as another speaker's of this network namespace. */
  async leave({ keepsRoutes = false } = {}): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    this.#watch?.abort();
    await this.#daemon.leave();
    if (!keepsRoutes) {
      this.#routes.doubtAll();
      this.#routes.sweep();
    }
    this.#socket[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        await this.#pass(this.#want!);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#say({ sessions: [], faults: this.#want!.faults, error: message });
      }
      await Promise.race([woken, Bun.sleep(tickMs)]);
    }
  }

  async #pass(want: Desired): Promise<void> {
    if (this.#pid === undefined && !this.#readNotes()) this.#daemon.kill();
    if (needsAnother(this.#applied, want)) this.#daemon.kill();
    const { client, pid, isNew } = await this.#daemon.ensure();
    if (isNew) {
      this.#applied = nothingApplied();
      this.#isRestart = existsSync(this.#daemon.notes);
    }
    if (isNew || pid !== this.#pid) this.#begin(client, want);
    this.#pid = pid;
    await this.#reconcile(client, want);
    const told = (await client.list("listPeer", {})).flatMap(({ peer }) => peer ?? []);
    this.#tend(want, told);
    const sessions = sessionsOf(want, told, this.#recentDrops());
    this.#say({ sessions, faults: want.faults });
  }

  async #reconcile(client: GobgpClient, want: Desired): Promise<void> {
    const before = JSON.stringify(this.#applied);
    try {
      await reconcile(client, want, { applied: this.#applied, isRestart: this.#isRestart });
      this.#isRestart = false;
    } finally {
      const text = JSON.stringify(this.#applied);
      const notes = JSON.stringify({ pid: this.#pid, applied: this.#applied });
      if (text !== before) replaceFile(this.#daemon.notes, notes);
    }
  }

  /** Whether a daemon that may be found is one of which we know what it was told. */
  #readNotes(): boolean {
    try {
      const { applied } = JSON.parse(readFileSync(this.#daemon.notes, "utf8"));
      this.#applied = applied;
      return true;
    } catch {
      // None, or half of them: a daemon that began anew is one that is known.
      return false;
    }
  }

  #begin(client: GobgpClient, want: Desired): void {
    this.#watch?.abort();
    this.#watch = new AbortController();
    this.#routes.doubtAll();
    this.#sweepAt = performance.now() + want.global.restartTimeSeconds * 1000;
    this.#isSettling = false;
    this.#follow(client, this.#watch.signal).catch((error) => {
      // The next pass sees to the daemon.
      this.#options.log({ level: "warn", event: "bgp daemon lost", error: String(error) });
      this.#pid = undefined;
      this.#wake();
    });
  }

  async #follow(client: GobgpClient, signal: AbortSignal): Promise<void> {
    const filters = [{ type: "best", init: true } as const];
    for await (const { table } of client.stream("watchEvent", { tables: { filters } }, signal)) {
      const paths = (table?.paths ?? []).flatMap((each) => learntPath(each) ?? []);
      // All ways to a prefix are told together.
      for (const [prefix, ways] of Map.groupBy(paths, (path) => path.prefix)) {
        const nextHops = ways.flatMap((way) => (way.isWithdraw ? [] : (way.nextHop ?? [])));
        if (nextHops.length > 0) this.#routes.set(prefix, nextHops);
        else this.#routes.withdraw(prefix);
      }
    }
    if (!signal.aborted) throw new Error("the daemon ended its stream of events");
  }

  /** Routes of a daemon before this one go once it knows all; ours are put back. */
  #tend(want: Desired, told: Parameters<typeof haveAllTold>[1]): void {
    const now = performance.now();
    if (this.#sweepAt !== undefined && !this.#isSettling && haveAllTold(want, told)) {
      this.#isSettling = true;
      this.#sweepAt = Math.min(this.#sweepAt, now + settleMs);
    }
    if (this.#sweepAt !== undefined && now >= this.#sweepAt) {
      this.#sweepAt = undefined;
      const gone = this.#routes.sweep();
      if (gone > 0) this.#options.log({ level: "info", event: "learnt routes gone", count: gone });
    }
    if (now - this.#repairedAt < repairMs) return;
    this.#repairedAt = now;
    this.#routes.repair();
  }

  #recentDrops(): ReturnType<typeof signatureCounts> {
    const at = performance.now();
    const counts = signatureCounts();
    this.#counts = [...this.#counts.filter((each) => at - each.at < recentMs), { at, counts }];
    const first = this.#counts[0]!.counts;
    return {
      wrong: counts.wrong - first.wrong,
      missing: counts.missing - first.missing,
      unexpected: counts.unexpected - first.unexpected,
    };
  }

  #say(status: Omit<BgpStatus, "version">): void {
    const text = JSON.stringify(status);
    if (text === this.#said) return;
    this.#said = text;
    this.#options.onStatus({ version: this.#daemon.version, ...status });
  }
}
