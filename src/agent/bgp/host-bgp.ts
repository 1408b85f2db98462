/** BGP on this host: speaks while a network has backend bgp, as the node spec has it. */
import { existsSync } from "node:fs";
import type { BgpHost, BgpInput } from "../../bgp/input.ts";
import { BgpSpeaker, type BgpStatus } from "../../bgp/speaker.ts";
import type { Agent } from "../agent.ts";
import { soleRemedy } from "../routed/sole.ts";
import { Ticker } from "../ticker.ts";
import { Lingering } from "./lingering.ts";
import { readPassword } from "./password.ts";
import { type BgpView, bgpViewOf } from "./view.ts";

/** Files of passwords change without a word. */
const periodMs = 10_000;

/** What it says, and what of the host itself is amiss. */
export interface HostBgpStatus extends BgpStatus {
  readonly learnt: number;
}

export class HostBgp implements AsyncDisposable {
  readonly ticker: Ticker;
  readonly #about: Pick<Agent, "host" | "spec" | "log">;
  readonly #dir: string;
  readonly #lingering = new Lingering();
  readonly #isSole: () => boolean;
  /** Another agent of this network namespace speaks BGP, or may. */
  #isOthers = false;
  #speaker: BgpSpeaker | undefined;
  #status: BgpStatus | undefined;
  #faults: BgpStatus["faults"] = [];
  /** Since when all sessions are up, by `performance.now()`. */
  #settledMs: number | undefined;
  #addresses: ReadonlyMap<string, BgpHost["addresses"]> = new Map();
  /** Something is learnt, or a session came or went. */
  onNews: () => void = () => {};

  /** `isSole`: whether no other agent of this network namespace may speak; none may unless told. */
  constructor(
    { host, spec, log, engine }: Pick<Agent, "host" | "spec" | "log" | "engine">,
    isSole = () => true,
  ) {
    this.#about = { host, spec, log };
    this.#isSole = isSole;
    this.#dir = `${engine.paths.runDir}/bgp`;
    this.ticker = new Ticker(
      () => this.#pass(),
      (error) => log({ level: "error", event: "work failed", what: "bgp", error: String(error) }),
      // Each change of the node spec may concern it, and a look takes long among many ports.
      { isGentle: true },
    );
  }

  /** Undefined: no network has backend bgp. */
  get status(): HostBgpStatus | undefined {
    if (this.#isOthers) return others;
    if (!this.#speaker) return undefined;
    const { version = "", sessions = [], faults = [], ...more } = this.#status ?? {};
    const all = [...faults, ...this.#faults];
    return { version, sessions, faults: all, ...more, learnt: this.#speaker.learnt };
  }

  /** Whether a learnt route leads to all of the prefix. */
  learns = (prefix: string): boolean => this.#speaker?.learns(prefix) ?? false;

  /** Whether it has learnt all that there is to learn: what it does not know it will not know. */
  get isSettled(): boolean {
    return this.#settledMs !== undefined && performance.now() >= this.#settledMs + periodMs;
  }

  /** After its ticker has stopped. Sessions and routes stay for the next agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#speaker?.stop();
  }

  async #pass(): Promise<number> {
    const { spec, host } = this.#about;
    if (!spec.isComplete) return periodMs;
    const view = bgpViewOf(spec, host);
    const { networks, waitMs = periodMs } = this.#lingering.stage(view, performance.now());
    this.#heedOthers(networks.length > 0 && !this.#isSole());
    if (this.#isOthers) await this.#end({ keepsRoutes: true });
    else if (networks.length > 0) this.#speak({ ...view, networks });
    // Only what was heard in this run tells what is not to be.
    else if (spec.revision !== undefined) await this.#leave();
    return Math.min(waitMs, periodMs);
  }

  #heedOthers(isOthers: boolean): void {
    if (isOthers && !this.#isOthers) {
      this.#about.log({ level: "error", event: "bgp not spoken", error: another });
    }
    this.#isOthers = isOthers;
  }

  #speak(view: BgpView): void {
    const input = this.#inputOf(view);
    // Its address is its identifier, and another identifier takes another daemon.
    if (!this.#speaker && input.host.addresses.length === 0) return;
    this.#speaker ??= this.#newSpeaker();
    this.#speaker.configure(input);
  }

  #newSpeaker(): BgpSpeaker {
    return new BgpSpeaker({
      ...{ dir: this.#dir, log: this.#about.log },
      onStatus: (status) => this.#heed(status),
    });
  }

  #heed(status: BgpStatus): void {
    const { sessions, error } = status;
    const isUp = error === undefined && sessions.every(({ isEstablished }) => isEstablished);
    this.#settledMs = isUp ? (this.#settledMs ?? performance.now()) : undefined;
    if (error !== undefined && error !== this.#status?.error) {
      this.#about.log({ level: "error", event: "bgp not spoken", error });
    }
    this.#status = status;
    this.onNews();
  }

  #leave(): Promise<void> {
    return this.#end({ keepsRoutes: this.#hasDaemon && !this.#isSole() });
  }

  get #hasDaemon(): boolean {
    return this.#speaker !== undefined || existsSync(this.#dir);
  }

  /** Also what an agent before this one left running. */
  async #end(leaving: { readonly keepsRoutes: boolean }): Promise<void> {
    if (!this.#hasDaemon) return;
    const speaker = this.#speaker ?? this.#newSpeaker();
    this.#speaker = undefined;
    this.#status = undefined;
    this.#settledMs = undefined;
    await speaker.leave(leaving);
    this.#about.log({ level: "info", event: "bgp left" });
    this.onNews();
  }

  #inputOf(view: BgpView): BgpInput {
    const faults: BgpStatus["faults"][number][] = [];
    const peers = view.peers.flatMap(({ name, spec: { passwordFile, ...spec } }) => {
      if (passwordFile === undefined) return [{ name, spec }];
      try {
        return [{ name, spec: { ...spec, password: readPassword(passwordFile) } }];
      } catch (error) {
        // Without its password it is not spoken to at all.
        const message = `has no session: ${(error as Error).message}`;
        faults.push({ owner: `bgppeer/${name}`, message });
        return [];
      }
    });
    this.#faults = faults;
    const { host, hosts } = this.#remembering(view);
    return {
      ...{ configuration: view.configuration, peers, host, hosts },
      clusterPrefixes: view.networks.flatMap(({ cidrs }) => cidrs),
      announced: view.networks.flatMap(({ announced }) => announced),
    } as BgpInput;
  }

  /** This host without a default route for a moment is where it was: it tells of no address. */
  #remembering(view: BgpView): Pick<BgpInput, "host" | "hosts"> {
    const all = [view.host, ...view.hosts].map((each) => ({
      ...each,
      addresses:
        each.addresses.length > 0 ? each.addresses : (this.#addresses.get(each.name) ?? []),
    }));
    this.#addresses = new Map(all.map(({ name, addresses }) => [name, addresses]));
    const [host, ...hosts] = all;
    return { host: host!, hosts };
  }
}

const another = `another agent of this network namespace speaks BGP, ${soleRemedy}`;
const others: HostBgpStatus = {
  ...{ version: "", sessions: [], faults: [], learnt: 0 },
  error: another,
};
