/** What a backend is: how packets of a routed network come to other hosts. Pure. */
import type { Entry } from "../entries.ts";
import type { RoutedNetwork, RoutedView, Underlay } from "../view.ts";

/** This host, another one, and the other's prefixes of the network. */
export interface Way {
  readonly network: RoutedNetwork;
  readonly host: string;
  readonly underlay: Underlay;
  readonly peer: string;
  readonly peerUnderlay: Underlay;
  readonly prefixes: readonly string[];
  readonly tunnelTo: RoutedView["tunnelTo"];
}

/** Entries for the way, or why there is none, in words that go on `host "b" is not reached: …`. */
export type Reached = readonly Entry[] | { readonly why: string };

export interface Backend {
  /** What this host needs once, however many others there are. */
  base(way: Pick<Way, "network" | "host" | "underlay">): Reached;
  reach(way: Way): Reached;
}

export const isReached = (reached: Reached): reached is readonly Entry[] => Array.isArray(reached);
