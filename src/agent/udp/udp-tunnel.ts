/**
 * The agent's side of one tunnel of the `udp` backend: begins its process, tells it its peers,
 * begins it anew when it ends.
 */
import type { Log } from "../../lib/log.ts";
import type { TunnelPeer } from "../../tunnel/router.ts";
import {
  type TunnelAnswer,
  type TunnelCounters,
  type TunnelSettings,
  tunnelWord,
} from "../../tunnel/words.ts";

const restartMs = { first: 50, last: 5_000 } as const;

export interface UdpTunnelSettings extends TunnelSettings {
  readonly log: Log;
  /** What is begun. Absent: this executable. */
  readonly command?: readonly string[];
  /** It serves, or does no more. */
  readonly onNews?: () => void;
}

/** The process did not do what it was told. */
export class UdpTunnelError extends Error {
  override readonly name = "UdpTunnelError";
}

type Answered = PromiseWithResolvers<TunnelCounters>;
const begin = (settings: UdpTunnelSettings) => {
  const { link, local, command = [process.execPath] } = settings;
  return Bun.spawn([...command, tunnelWord, JSON.stringify({ link, local })], {
    ...(settings.command === undefined && { argv0: "netloom" }),
    stdio: ["pipe", "pipe", "pipe"],
  });
};

export class UdpTunnel implements AsyncDisposable {
  readonly #settings: UdpTunnelSettings;
  #peers: readonly TunnelPeer[] = [];
  #child: ReturnType<typeof begin> | undefined;
  /** Those who wait for lines of the process, in order. */
  #waiting: Answered[] = [];
  #pauseMs: number = restartMs.first;
  #timer: Timer | undefined;
  #isEnded = false;
  #serves = false;
  #trouble: string | undefined;

  constructor(settings: UdpTunnelSettings) {
    this.#settings = settings;
  }

  /** The process's id, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether packets flow. */
  get serves(): boolean {
    return this.#serves;
  }

  /** Why they don't: what its last process said. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Until packets flow. Throws UdpTunnelError with what is wrong, and goes on
   * trying until it is disposed of.
   */
  async start(): Promise<void> {
    await this.#begin();
  }

  /** In the place of all there were; kept for a later process. Throws UdpTunnelError. */
  async setPeers(peers: readonly TunnelPeer[]): Promise<void> {
    this.#peers = peers;
    if (this.#child) await this.#ask({ peers });
  }

  /** Throws UdpTunnelError. */
  counters(): Promise<TunnelCounters> {
    return this.#ask({});
  }

  /** Lets the process go on without us: the next agent's takes its place. */
  leave(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#child?.stdin.end();
    this.#child?.unref();
  }

  /** Ends the process. The link stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async #begin(): Promise<void> {
    const child = begin(this.#settings);
    this.#child = child;
    const greeting = this.#wait();
    this.#follow(child);
    await greeting;
    this.#pauseMs = restartMs.first;
    await this.#ask({ peers: this.#peers });
    this.#serves = true;
    this.#trouble = undefined;
    this.#settings.onNews?.();
  }

  #wait(): Promise<TunnelCounters> {
    const answered = Promise.withResolvers<TunnelCounters>();
    this.#waiting.push(answered);
    return answered.promise;
  }

  async #ask(request: object): Promise<TunnelCounters> {
    if (!this.#child) throw new UdpTunnelError("The udp tunnel's process does not run");
    const answer = this.#wait();
    const { stdin } = this.#child;
    try {
      stdin.write(`${JSON.stringify(request)}\n`);
      await stdin.flush();
    } catch {
      // It has ended: #follow tells those who wait.
    }
    return answer;
  }

  /** Hands lines to those who wait, until the process ends. */
  async #follow(child: ReturnType<typeof begin>): Promise<void> {
    const complaint = new Response(child.stderr).text();
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop()!;
      for (const line of lines) settle(this.#waiting.shift(), JSON.parse(line));
    }
    await child.exited;
    this.#child = undefined;
    const why = (await complaint).trim() || `it ended with ${child.signalCode ?? child.exitCode}`;
    for (const waiting of this.#waiting.splice(0)) {
      waiting.reject(new UdpTunnelError(`Cannot run the udp tunnel: ${why}`));
    }
    this.#serves = false;
    if (!this.#isEnded) this.#beginLater(why);
  }

  #beginLater(error: string): void {
    const { log, link } = this.#settings;
    log({ level: "warn", event: "udp tunnel ended", link, error });
    this.#trouble = `the udp tunnel by "${link}" does not run: ${error}`;
    this.#settings.onNews?.();
    this.#timer = setTimeout(() => {
      // Its end is told by the next #follow.
      this.#begin().catch(() => {});
    }, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, restartMs.last);
  }
}

function settle(waiting: Answered | undefined, answer: TunnelAnswer): void {
  if ("counters" in answer) waiting?.resolve(answer.counters);
  else waiting?.reject(new UdpTunnelError(`The udp tunnel refuses its peers: ${answer.error}`));
}
