/**
 * Which other hosts are gone. The control plane can't tell one that is dead from one that is only
 * cut off from it; so of those that it does not hear, each host asks the fabric itself.
 */
import type { HostPeer } from "../api/elsewhere.ts";
import { answering } from "../kernel/packet/echo.ts";
import type { Log } from "../lib/log.ts";
import type { NodeSpec } from "./spec/node-spec.ts";
import { Ticker } from "./ticker.ts";

/** While any host is silent. */
const roundMs = 1_000;
const idleMs = 60_000;
const answerMs = 500;
/** So many rounds in a row without an answer: it is gone. One answer, and it is there. */
const patience = 3;
/** Of hosts that are heard: does the fabric carry echoes, and has this host a way into it? */
const witnesses = 3;

type Probe = (addresses: readonly string[], patienceMs: number) => Promise<ReadonlySet<string>>;

interface About {
  readonly spec: Pick<NodeSpec, "all">;
  readonly log: Log;
  readonly probe?: Probe;
}

const addressesOf = ({ spec }: HostPeer): string[] => spec.underlay.map(({ address }) => address);

export class SilentHosts {
  /** To be nudged when the node spec changes. */
  readonly ticker: Ticker;
  /** Others are gone than before. */
  onChange: () => void = () => {};
  readonly #about: About;
  /** Rounds without an answer in a row, of those that are silent. */
  readonly #missed = new Map<string, number>();

  constructor(about: About) {
    this.#about = about;
    const { log } = about;
    this.ticker = new Ticker(
      () => this.round(),
      (error) => log({ level: "error", event: "work failed", what: "echo", error: String(error) }),
    );
  }

  /** Neither heard nor answering: nothing is to be sent there. */
  readonly isGone = ({ metadata, spec }: HostPeer): boolean =>
    spec.silent === true && (this.#missed.get(metadata.name) ?? 0) >= patience;

  /** Gives in how many ms the next is due. */
  async round(): Promise<number> {
    const { spec, probe = answering } = this.#about;
    const peers = spec.all<HostPeer>("hostpeers");
    const silent = peers.filter((peer) => peer.spec.silent);
    const names = new Set(silent.map(({ metadata }) => metadata.name));
    for (const name of this.#missed.keys()) if (!names.has(name)) this.#note(name, 0);
    if (silent.length === 0) return idleMs;
    const seen = some(peers.filter((peer) => !peer.spec.silent));
    const answered = await probe([...silent, ...seen].flatMap(addressesOf), answerMs);
    const answers = (peer: HostPeer) => addressesOf(peer).some((address) => answered.has(address));
    // Where nobody answers, the fabric carries no echoes, or this host is the one that is cut off.
    const isTelling = seen.length === 0 || seen.some(answers);
    for (const peer of silent) {
      const { name } = peer.metadata;
      if (answers(peer)) this.#note(name, 0);
      else if (isTelling) this.#note(name, (this.#missed.get(name) ?? 0) + 1);
    }
    return roundMs;
  }

  #note(name: string, missed: number): void {
    const before = this.#missed.get(name) ?? 0;
    if (missed === 0) this.#missed.delete(name);
    else this.#missed.set(name, missed);
    if (before >= patience === missed >= patience) return;
    const event = missed === 0 ? "host is back" : "host is gone";
    this.#about.log({ level: "warn", event, host: name });
    this.onChange();
  }
}

/** A few, other ones each time. */
function some(peers: readonly HostPeer[]): HostPeer[] {
  const from = Math.floor(Math.random() * peers.length);
  return [...peers.slice(from), ...peers.slice(0, from)].slice(0, witnesses);
}
