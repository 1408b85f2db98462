/** Keeps this host's routes to other hosts' containers as its node spec has them. */
import type { Log } from "../../lib/log.ts";
import type { NodeSpec } from "../spec/node-spec.ts";
import type { UdpTunnels } from "../udp/udp-tunnels.ts";
import type { HostTunnel } from "../wireguard/host-tunnel.ts";
import { tunnelLink } from "../wireguard/tunnel-address.ts";
import { desiredOf } from "./desired.ts";
import { apart, difference, type Entries, type Entry, keyOf, type TunnelEntry } from "./entries.ts";
import { type Learnt, withHeld } from "./held.ts";
import type { Brought, RoutedKernel } from "./kernel.ts";
import { soleRemedy } from "./sole.ts";
import { Transition } from "./transition.ts";
import { type IsGone, type RoutedView, type Underlay, viewOf } from "./view.ts";
import { wireguardNeeds } from "./wireguard-needs.ts";

/** How often all that is there is looked at: not all changes are told of. */
const lookMs = 10_000;
const heldMs = 1_000;

interface About {
  /** This host's name in the API. */
  readonly host: string;
  readonly spec: Pick<NodeSpec, "isComplete" | "revision" | "all" | "host" | "subnet">;
  readonly kernel: RoutedKernel;
  readonly tunnels: Pick<UdpTunnels, "applied" | "troubles" | "serves" | "release" | "want">;
  readonly tunnel: Pick<HostTunnel, "want" | "stateOf">;
  readonly learnt: Learnt;
  readonly log: Log;
  /** None is unless told. */
  readonly isGone?: IsGone;
  /** Whether no other agent of this network namespace keeps routes; none does unless told. */
  readonly isSole?: () => boolean;
}

export class HostRoutes {
  readonly #about: About;
  readonly #transition = new Transition();
  /** By host, this one too. */
  #underlays: ReadonlyMap<string, Underlay> = new Map();
  /** Who is behind the host's WireGuard link, as far as packets go there. */
  #told: Entries<TunnelEntry> = new Map();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #troubles: readonly string[] = [];
  #failures: readonly string[] = [];

  constructor(about: About) {
    this.#about = about;
  }

  /** What networks do not reach, for the host's condition; undefined: all. */
  get trouble(): string | undefined {
    const all = [...this.#troubles, ...this.#failures, ...this.#about.tunnels.troubles];
    if (all.length === 0) return undefined;
    const more = all.length - mostTold;
    return all.slice(0, mostTold).join("; ") + (more > 0 ? `; and ${more} more` : "");
  }

  /** An outside hand may have changed something. */
  distrust(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  /** Gives how long it may rest, in ms. Throws NetlinkError where the kernel is not heard. */
  pass(): number {
    const { spec, host, log, learnt, isGone, tunnel } = this.#about;
    if (!spec.isComplete) return lookMs;
    if (performance.now() - this.#lookedMs >= lookMs) this.#look();
    const about = { isGone, tunnelTo: (peer: string) => tunnel.stateOf(peer) };
    const view = this.#remembering(viewOf(spec, host, about));
    if (this.#isOthers(view)) return lookMs;
    this.#wantTunnel(view);
    const { entries: wanted, troubles, lost } = desiredOf(view);
    const applied = this.#applied();
    const desired = withHeld(wanted, applied, { ...view, learnt });
    const { entries, waitMs = lookMs } = this.#transition.stage({
      ...this.#moment(applied, desired),
      lost,
    });
    const { set, gone, failures } = this.#bring(entries);
    this.#wantTunnel(view);
    if (set + gone > 0) log({ level: "info", event: "routes changed", set, gone });
    for (const error of failures.slice(0, mostTold)) {
      if (!this.#failures.includes(error)) log({ level: "error", event: "route refused", error });
    }
    const known = new Set(this.#troubles);
    for (const error of troubles) {
      if (!known.has(error)) log({ level: "warn", event: "host not reached", error });
    }
    this.#troubles = troubles;
    this.#failures = failures;
    // What is held goes once it is learnt, or never will be.
    return Math.min(waitMs, desired === wanted ? lookMs : heldMs);
  }

  /** What is there is another agent's, and stays as it is. */
  #isOthers({ networks }: RoutedView): boolean {
    const { kernel, log, isSole = () => true } = this.#about;
    const isWanted = networks.length > 0;
    if ((!isWanted && kernel.applied.size === 0) || isSole()) return false;
    if (isWanted && !this.#troubles.includes(another)) {
      log({ level: "error", event: "routes are another agent's", error: another });
    }
    this.#troubles = isWanted ? [another] : [];
    return true;
  }

  /** Before routes lead there, and after they don't. */
  #wantTunnel(view: RoutedView): void {
    const { needs, protocols } = wireguardNeeds(view, this.#told);
    this.#about.tunnel.want("routed", needs, protocols);
  }

  #applied(): Entries {
    const { kernel, tunnels } = this.#about;
    const told = new Map([...tunnels.applied, ...this.#told]);
    return told.size === 0 ? kernel.applied : new Map<string, Entry>([...kernel.applied, ...told]);
  }

  #moment(applied: Entries, desired: Entries) {
    const { tunnels, learnt } = this.#about;
    // A device without a process is the kernel's alone.
    const isReady = (device: string) => !isTun(applied, device) || tunnels.serves(device);
    return { applied, desired, nowMs: performance.now(), isReady, isLearnt: learnt.learns };
  }

  #bring(entries: Entries): Brought {
    const { kernel, tunnels, spec } = this.#about;
    const wanted = apart(entries);
    this.#told = new Map([...wanted.tunnels].filter(([, { device }]) => device === tunnelLink));
    // A link that goes under its process would make it complain.
    for (const name of tunnels.release(wanted.tunnels)) {
      const device = kernel.applied.get(`device ${name}`);
      if (device) wanted.kernel.set(keyOf(device), device);
    }
    // Only what was heard in this run tells what is not to be.
    const brought = kernel.bring(wanted.kernel, spec.revision !== undefined);
    tunnels.want(wanted.tunnels, (device) => kernel.applied.has(`device ${device}`));
    return brought;
  }

  /** A host without a default route for a moment is where it was: it tells of no address. */
  #remembering(view: RoutedView): RoutedView {
    const { host } = view;
    const now = new Map([...view.peers, [host, view.underlay] as const]);
    for (const [name, underlay] of now) {
      if (underlay.length === 0) now.set(name, this.#underlays.get(name) ?? []);
    }
    this.#underlays = new Map(now);
    const underlay = now.get(host)!;
    now.delete(host);
    return { ...view, underlay, peers: now };
  }

  #look(): void {
    const { kernel, log } = this.#about;
    const before = kernel.applied;
    kernel.look();
    const isFirst = this.#lookedMs === Number.NEGATIVE_INFINITY && before.size === 0;
    this.#lookedMs = performance.now();
    const lost = isFirst ? [] : difference(kernel.applied, before).set;
    if (lost.length > 0) log({ level: "warn", event: "routes repaired", lost: lost.length });
  }
}

function isTun(entries: Entries, device: string): boolean {
  const entry = entries.get(`device ${device}`);
  return entry?.kind === "device" && entry.type === "tun";
}

const another = `another agent of this network namespace keeps the routes of routed networks, ${soleRemedy}`;

/** More would fill the log, and the condition. */
const mostTold = 5;
