/** Pings without end, to count what is lost of them. */
import { inside, systemPath } from "../support/run.ts";

export interface FlowOptions {
  readonly netns: string;
  readonly address: string;
  readonly intervalMs: number;
}

export interface Loss {
  readonly sent: number;
  readonly lost: number;
  /** When answers came, in ms since 1970. */
  readonly answersMs: readonly number[];
  /** The longest time without an answer, by the packets that were lost one after the other. */
  readonly longestGapMs: number;
}

/** An answer that takes longer is lost. */
const patienceMs = 500;

export class Flow {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "ignore">;
  readonly #said: Promise<string>;
  readonly #intervalMs: number;

  constructor({ netns, address, intervalMs }: FlowOptions) {
    const argv = ["ping", "-n", "-D", "-i", String(intervalMs / 1000), address];
    this.#child = Bun.spawn(inside(argv, netns), {
      stdio: ["ignore", "pipe", "ignore"],
      env: { PATH: systemPath },
    });
    this.#said = new Response(this.#child.stdout).text();
    this.#intervalMs = intervalMs;
  }

  /** For a dying test. */
  end(): void {
    this.#child.kill("SIGKILL");
  }

  async stop(): Promise<Loss> {
    await Bun.sleep(patienceMs);
    this.#child.kill("SIGINT");
    await this.#child.exited;
    const said = await this.#said;
    return { ...lossOf(said, this.#intervalMs), answersMs: answersIn(said) };
  }
}

/** By the time that ping prints before each. */
const answersIn = (text: string): number[] =>
  [...text.matchAll(/^\[(\d+\.\d+)\] .*icmp_seq=\d+ ttl/gm)].map(([, time]) => 1000 * Number(time));

/** What ping's output tells. The packets under way at its end are not lost. */
export function lossOf(text: string, intervalMs: number): Omit<Loss, "answersMs"> {
  const answered = new Set([...text.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, seq]) => Number(seq)));
  const told = Number(/(\d+) packets transmitted/.exec(text)?.[1] ?? 0);
  // Of those that went out last the answers may not have come yet.
  const sent = Math.max(answered.size, told - 1);
  let [lost, run, longest] = [0, 0, 0];
  for (let seq = 1; seq <= sent; seq++) {
    run = answered.has(seq) ? 0 : run + 1;
    if (run > 0) lost++;
    longest = Math.max(longest, run);
  }
  return { sent, lost, longestGapMs: longest * intervalMs };
}
