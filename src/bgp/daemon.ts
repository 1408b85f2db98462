/**
 * `gobgpd`, started on a private socket, or found running after its last starter was killed: it
 * outlives us, so that no session breaks while an agent is replaced.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../kernel/sys/whole-file.ts";
import type { Log } from "../lib/log.ts";
import { GobgpClient } from "./gobgp/client.ts";
import { BgpDaemonError, Program } from "./program.ts";

export interface DaemonOptions {
  /** A directory of its own below the run directory, which a boot empties. */
  readonly dir: string;
  /** A path, or a name to be found in PATH. */
  readonly program: string;
  readonly log: Log;
}

const callMs = 5000;
const startMs = 10_000;
const pollMs = 20;
const firstPauseMs = 100;
const lastPauseMs = 10_000;
/** One that ran so long may be started again at once. */
const steadyMs = 30_000;

export class Daemon implements Disposable {
  readonly #options: DaemonOptions;
  readonly #program: Program;
  #client: GobgpClient | undefined;
  #pid: number | undefined;
  #pauseMs = 0;
  #startedAt = 0;
  version = "";

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#program = new Program(options.program);
  }

  /** Closes our connection; the daemon lives on. */
  [Symbol.dispose](): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
  }

  /** What was noted of its configuration, for the one after us. */
  get notes(): string {
    return join(this.#options.dir, "applied.json");
  }

  get #socket(): string {
    return join(this.#options.dir, "gobgpd.sock");
  }

  get #pidFile(): string {
    return join(this.#options.dir, "gobgpd.pid");
  }

  /**
   * A daemon that answers, and whether it is another one than before. Throws BgpDaemonError where
   * there can't be any.
   */
  async ensure(): Promise<{ client: GobgpClient; pid: number; isNew: boolean }> {
    this.version = await this.#program.version();
    const found = this.#pid ?? this.#pidInFile();
    if (found !== undefined && (await this.#answers(found))) {
      this.#pid = found;
      return { client: this.#client!, pid: found, isNew: false };
    }
    this.kill();
    await this.#rest();
    return { client: await this.#start(), pid: this.#pid!, isNew: true };
  }

  /**
   * Ends the daemon without a word to its peers, which keep its routes for a time: at SIGTERM it
   * would take its leave, and they would drop them.
   */
  kill(): void {
    const pid = this.#pid ?? this.#pidInFile();
    this[Symbol.dispose]();
    this.#pid = undefined;
    if (pid !== undefined && isDaemon(pid, this.#socket)) process.kill(pid, "SIGKILL");
    rmSync(this.#pidFile, { force: true });
  }

  /** Ends the daemon for good: peers drop its routes at once. */
  async leave(): Promise<void> {
    const found = this.#pid ?? this.#pidInFile();
    try {
      if (found !== undefined && (await this.#answers(found))) {
        await this.#client!.call("stopBgp", {});
      }
    } catch (error) {
      this.#options.log({ level: "warn", event: "bgp daemon not stopped", error: String(error) });
    }
    this.kill();
    rmSync(this.#options.dir, { recursive: true, force: true });
  }

  async #answers(pid: number): Promise<boolean> {
    if (!isDaemon(pid, this.#socket)) return false;
    this.#client ??= new GobgpClient(this.#socket, callMs);
    try {
      await this.#client.call("getBgp", {});
      return true;
    } catch (error) {
      this.#options.log({ level: "warn", event: "bgp daemon silent", error: String(error) });
      return false;
    }
  }

  async #rest(): Promise<void> {
    const ran = performance.now() - this.#startedAt;
    this.#pauseMs = ran > steadyMs ? 0 : Math.min(lastPauseMs, this.#pauseMs * 2 || firstPauseMs);
    if (this.#startedAt > 0) await Bun.sleep(this.#pauseMs);
    this.#startedAt = performance.now();
  }

  async #start(): Promise<GobgpClient> {
    const { dir, program, log } = this.#options;
    // Nobody else comes to the socket, whatever the daemon makes it.
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    rmSync(this.#socket, { force: true });
    const said = join(dir, "gobgpd.log");
    rmSync(said, { force: true });
    const argv = [program, apiWord(this.#socket), "--pprof-disable", "-l", "warn"];
    const output = Bun.file(said);
    const stdio = { stdin: "ignore", stdout: output, stderr: output } as const;
    // One whose starter was killed before it noted it has the port.
    for (const pid of daemonsOf(this.#socket)) process.kill(pid, "SIGKILL");
    const child = Bun.spawn(argv, { ...stdio, detached: true });
    child.unref();
    this.#pid = child.pid;
    replaceFile(this.#pidFile, String(child.pid));
    const client = new GobgpClient(this.#socket, callMs);
    this.#client = client;
    const deadline = performance.now() + startMs;
    while (child.exitCode === null && child.signalCode === null) {
      if (await isUp(client, this.#socket)) {
        chmodSync(this.#socket, 0o600);
        log({ level: "info", event: "bgp daemon started", pid: child.pid, version: this.version });
        return client;
      }
      if (performance.now() > deadline) break;
      await Bun.sleep(pollMs);
    }
    this.kill();
    const words = existsSync(said) ? readFileSync(said, "utf8").trim().slice(-500) : "";
    throw new BgpDaemonError(
      `Cannot start "${program}": it ${child.exitCode === null ? "does not answer" : "ended"}: ` +
        `${words || "it said nothing"}`,
    );
  }

  #pidInFile(): number | undefined {
    if (!existsSync(this.#pidFile)) return undefined;
    const pid = Number(readFileSync(this.#pidFile, "utf8"));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  }
}

async function isUp(client: GobgpClient, socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  try {
    await client.call("getBgp", {});
    return true;
  } catch {
    // Not yet: whether it comes up at all is for the deadline to say.
    return false;
  }
}

/** A number may be another process's by now, and another daemon somebody else's. */
function isDaemon(pid: number, socket: string): boolean {
  try {
    // A zombie has no words left.
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return words.includes(apiWord(socket));
  } catch {
    return false;
  }
}

const daemonsOf = (socket: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isDaemon(pid, socket));

const apiWord = (socket: string): string => `--api-hosts=unix://${socket}`;
