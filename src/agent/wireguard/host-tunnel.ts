/**
 * The host's one tunnel to all other hosts, for whichever part of the agent wants packets carried
 * encrypted. It is there while somebody wants it, and stays as it is without an agent.
 */
import type { HostPeer, HostPeerSpec } from "../../api/elsewhere.ts";
import { rotateKeyAnnotation } from "../../api/kinds/host.ts";
import type { Network } from "../../api/kinds/index.ts";
import type { Log } from "../../lib/log.ts";
import { isEncrypted, overheadOfTunnel, type UnderlayProtocol } from "../../model/encapsulation.ts";
import type { NodeSpec } from "../spec/node-spec.ts";
import { Ticker } from "../ticker.ts";
import type { KeyFile } from "./key-file.ts";
import type { KeyPair } from "./key-pair.ts";
import { type KnownPeer, peersOf, type Wanted } from "./peers.ts";
import { tunnelAddressOf, tunnelPort } from "./tunnel-address.ts";
import type { Tunnel, TunnelKernel } from "./tunnel-kernel.ts";

/** The kernel tells nobody of peers and few of routes that an outside hand takes. */
const lookMs = 10_000;
const retryMs = 1_000;

interface About {
  /** This host's name in the API. */
  readonly host: string;
  readonly spec: Pick<NodeSpec, "isComplete" | "revision" | "all" | "host">;
  readonly kernel: Pick<TunnelKernel, "hold" | "bring" | "remove">;
  readonly keys: Pick<KeyFile, "load" | "rotateFor">;
  readonly log: Log;
  /** Who may want something. Nothing goes before each of them has said what. */
  readonly users: readonly string[];
}

const none: ReadonlyMap<string, UnderlayProtocol> = new Map();

export class HostTunnel {
  readonly ticker: Ticker;
  readonly #about: About;
  readonly #wants = new Map<string, Wanted | undefined>();
  /** By host: those that are wanted stay known while they tell of nothing. */
  #peers: ReadonlyMap<string, KnownPeer> = new Map();
  #underlay: HostPeerSpec["underlay"] = [];
  #pair: KeyPair | undefined;
  #missing: ReadonlyMap<string, string> = new Map();
  #trouble: string | undefined;
  #isHeld = false;
  /** Nothing of it is left in the kernel. */
  #isGone = false;
  /** What the kernel was last brought to; undefined: that is not known. */
  #brought: { readonly tunnel: Tunnel; readonly isWhole: boolean } | undefined;
  #broughtMs = Number.NEGATIVE_INFINITY;
  /** Told of another key of this host, and of other states of peers. */
  onNews: () => void = () => {};

  constructor(about: About) {
    this.#about = about;
    this.ticker = new Ticker(
      () => this.pass(),
      (error) => this.#note(String(error)),
    );
  }

  /** What others know this host by; undefined: nothing needed a key yet. */
  get publicKey(): string | undefined {
    return this.#pair?.publicKey;
  }

  /** Why the host has no tunnel, and how to mend it; undefined: it has, or nobody wants it. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether what goes to other hosts' tunnels can't leave by another way. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * What a part of the agent wants from now on: by host the prefixes behind it; undefined: nothing.
   * `protocols`: what the tunnel to a host is to travel by. In force at once where that can be.
   */
  want(
    user: string,
    needs: ReadonlyMap<string, readonly string[]> | undefined,
    protocols: ReadonlyMap<string, UnderlayProtocol> = none,
  ): void {
    const wanted = needs && { needs, protocols };
    if (this.#wants.has(user) && Bun.deepEquals(this.#wants.get(user), wanted)) return;
    this.#wants.set(user, wanted);
    this.#bring();
    this.ticker.nudge();
  }

  /** Undefined: it is a peer, and packets to it go encrypted. Else why not. */
  stateOf(peer: string): { readonly why: string } | undefined {
    if (this.#trouble !== undefined) return { why: this.#trouble };
    const isWanted = [...this.#wants.values()].some((wanted) => wanted?.needs.has(peer));
    const isMade = this.#pair && isWanted;
    const why = isMade ? this.#missing.get(peer) : "the tunnel to it is not made yet";
    return why === undefined ? undefined : { why };
  }

  /** An outside hand may have changed something. */
  distrust(): void {
    this.#brought = undefined;
    this.ticker.nudge();
  }

  /** Brings all in line once more: what was wanted is in force then, or `trouble` says why. */
  async pass(): Promise<number> {
    try {
      await this.#heedKey();
    } catch (error) {
      this.#note((error as Error).message);
      return retryMs;
    }
    this.#bring();
    return this.#trouble === undefined ? lookMs : retryMs;
  }

  /** The own link has the new key before others hear of it. */
  async #heedKey(): Promise<void> {
    const { keys, spec, host } = this.#about;
    const before = this.#pair;
    if (!before && !this.#isNeeded()) return;
    let pair = before ?? (await keys.load());
    const asked = spec.host(host)?.metadata.annotations?.[rotateKeyAnnotation];
    if (asked !== undefined) pair = (await keys.rotateFor(asked)) ?? pair;
    if (pair.publicKey === before?.publicKey) return;
    this.#pair = pair;
    const { log } = this.#about;
    log({ level: "info", event: before ? "key rotated" : "key", publicKey: pair.publicKey });
    this.#bring();
    this.onNews();
  }

  /** Also before anything wants it: others know the key when the first port comes. */
  #isNeeded(): boolean {
    if ([...this.#wants.values()].some((wanted) => wanted)) return true;
    return this.#about.spec.all<Network>("networks").some(({ spec }) => isEncrypted(spec));
  }

  #bring(): void {
    const before = this.#missing;
    try {
      this.#bringNow();
      this.#note(undefined);
    } catch (error) {
      this.#note((error as Error).message);
    }
    if (!Bun.deepEquals(before, this.#missing)) this.onNews();
  }

  #bringNow(): void {
    const { spec, users, kernel, log, host } = this.#about;
    const isHeard = spec.isComplete && spec.revision !== undefined;
    const isWhole = isHeard && users.every((user) => this.#wants.has(user));
    const wants = [...this.#wants.values()].filter((wanted) => wanted !== undefined);
    if (wants.length === 0) {
      this.#missing = new Map();
      if (!isWhole || this.#isGone) return;
      this.#isHeld = false;
      if (kernel.remove()) log({ level: "info", event: "tunnel removed" });
      this.#isGone = true;
      this.#brought = undefined;
      return;
    }
    this.#isGone = false;
    this.#hold();
    if (!this.#pair) return;
    this.#know(wants);
    const { peers, missing } = peersOf({ wants, underlay: this.#underlay, peers: this.#peers });
    this.#missing = missing;
    const config = { privateKey: this.#pair.privateKey, listenPort: tunnelPort, peers };
    const tunnel = { address: tunnelAddressOf(host), mtu: mtuOf(this.#underlay), config };
    this.#tell({ tunnel, isWhole });
  }

  /** Looks at all that there is only where something is to be otherwise, and from time to time. */
  #tell(wanted: { readonly tunnel: Tunnel; readonly isWhole: boolean }): void {
    const { kernel, log } = this.#about;
    const isFresh = performance.now() < this.#broughtMs + lookMs;
    if (isFresh && Bun.deepEquals(wanted, this.#brought)) return;
    this.#brought = undefined;
    const done = kernel.bring(wanted.tunnel, wanted.isWhole);
    this.#brought = wanted;
    this.#broughtMs = performance.now();
    const about = { changed: done.join(","), peers: wanted.tunnel.config.peers.length };
    if (done.length > 0) log({ level: "info", event: "tunnel changed", ...about });
  }

  /** Before there is a key, and without one. */
  #hold(): void {
    const { kernel, log } = this.#about;
    this.#isHeld = false;
    const done = kernel.hold();
    this.#isHeld = true;
    if (done.length > 0) log({ level: "info", event: "tunnel held", changed: done.join(",") });
  }

  /** A host that tells of no address for a moment is where it was. */
  #know(wants: readonly Wanted[]): void {
    const { spec, host } = this.#about;
    const underlay = (spec.host(host)?.status as Partial<HostPeerSpec> | undefined)?.underlay ?? [];
    if (underlay.length > 0) this.#underlay = underlay;
    const told = new Map(spec.all<HostPeer>("hostpeers").map((one) => [one.metadata.name, one]));
    const wanted = new Set(wants.flatMap(({ needs }) => [...needs.keys()]));
    const known = [...wanted].map((name) => [name, told.get(name)?.spec ?? this.#peers.get(name)]);
    this.#peers = new Map(known.filter((each): each is [string, KnownPeer] => !!each[1]));
  }

  #note(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const { log } = this.#about;
    if (trouble === undefined) log({ level: "info", event: "tunnel in force" });
    else log({ level: "error", event: "tunnel not in force", error: trouble });
    this.onNews();
  }
}

/** As much as fits by one of the families: what is too long by the other, its network knows. */
function mtuOf(underlay: HostPeerSpec["underlay"]): number {
  const fits = underlay.map(({ address, mtu }) => {
    return mtu - overheadOfTunnel(address.includes(":") ? "ipv6" : "ipv4");
  });
  if (fits.length > 0) return Math.max(...fits);
  throw new Error(
    "This host has no address on the underlay: give it a default route, or name one in its " +
      "Host's spec.addresses",
  );
}
