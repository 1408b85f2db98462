/** From the view of the node spec to what the kernel must know. Pure. */
import { isEncrypted } from "../../model/encapsulation.ts";
import { type Backend, isReached, type Reached } from "./backends/backend.ts";
import { backendOf } from "./backends/index.ts";
import { type Entry, keyed } from "./entries.ts";
import type { RoutedNetwork, RoutedView } from "./view.ts";

export interface Desired {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Hosts that a network does not reach, and why: a sentence each. */
  readonly troubles: readonly string[];
  /** Prefixes of hosts that are gone: nothing is to be sent there any more. */
  readonly lost: ReadonlySet<string>;
}

export function desiredOf(view: RoutedView): Desired {
  const troubles: string[] = [];
  const entries = view.networks.flatMap((network) => ofNetwork(view, network, troubles));
  const gone = view.networks.flatMap(({ elsewhere }) =>
    [...elsewhere].flatMap(([peer, prefixes]) => (view.gone.has(peer) ? prefixes : [])),
  );
  return { entries: keyed(entries), troubles, lost: new Set(gone) };
}

function ofNetwork(view: RoutedView, network: RoutedNetwork, troubles: string[]): Entry[] {
  // What no container has must not leave by the default route, and come back, and leave again.
  const own = network.own.map((dst): Entry => ({ kind: "route", type: "blackhole", dst }));
  if (isEncrypted(network.spec)) own.push(...network.subnets.map(fallback));
  if (network.elsewhere.size === 0) return own;
  const { backend = "vxlan" } = network.spec;
  const found = backendOf(network.spec);
  const base = found
    ? found.base({ network, host: view.host, underlay: view.underlay })
    : { why: `this release has no backend "${backend}"` };
  const entries: Entry[] = isReached(base) ? [...base] : [];
  const unreachable = (prefixes: readonly string[]) =>
    prefixes.map((dst): Entry => ({ kind: "route", type: "unreachable", dst }));
  for (const [peer, prefixes] of network.elsewhere) {
    if (view.gone.has(peer)) {
      entries.push(...unreachable(prefixes));
      continue;
    }
    const reached =
      found && isReached(base) ? reach(found, view, { network, peer, prefixes }) : base;
    if (isReached(reached)) entries.push(...reached);
    else {
      troubles.push(`network "${network.name}" does not reach host "${peer}": ${reached.why}`);
      entries.push(...unreachable(prefixes));
    }
  }
  return [...entries, ...own];
}

/** What is to go encrypted leaves in no other way, also before its host is heard of. */
const fallback = (dst: string): Entry => ({
  ...{ kind: "route", type: "unreachable", dst, isFallback: true },
});

interface To {
  readonly network: RoutedNetwork;
  readonly peer: string;
  readonly prefixes: readonly string[];
}

function reach(backend: Backend, view: RoutedView, to: To): Reached {
  const peerUnderlay = view.peers.get(to.peer);
  if (!peerUnderlay) return { why: "nothing is known yet of how it is reached" };
  const { host, underlay, tunnelTo } = view;
  return backend.reach({ ...to, host, underlay, peerUnderlay, tunnelTo });
}
