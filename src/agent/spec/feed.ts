/** Follows the node spec as API servers tell it, from one to the next when one goes. */
import type { Client } from "../../api/client/client.ts";
import { follow, type WatchFrom } from "../../api/client/follow.ts";
import type { WatchEvent } from "../../api/node-spec.ts";
import type { Log } from "../../lib/log.ts";

export interface FeedEvents {
  /** A listing of all that there is begins. */
  begin(): void;
  event(event: WatchEvent): void;
  /** Whether a server is heard. */
  reached(reached: boolean): void;
}

/** Containers wait for what it tells. */
const pauses = { firstMs: 50, longestMs: 1_000 };

interface Following {
  readonly events: FeedEvents;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Never renewed unless set. */
  readonly renewal?: Renewal;
}

/** Has the spec followed by another connection: the one there is may lead nowhere any more. */
export class Renewal {
  #end = new AbortController();

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  renew(): void {
    const before = this.#end;
    this.#end = new AbortController();
    before.abort();
  }
}

/** Runs until the signal fires. Never throws. */
export async function followSpec(
  api: Pick<Client, "nodeSpec">,
  host: string,
  { events, log, signal, renewal = new Renewal() }: Following,
): Promise<void> {
  const source = {
    watch: (from: WatchFrom) =>
      api.nodeSpec(host, { ...from, signal: AbortSignal.any([from.signal, renewal.signal]) }),
  };
  let told: string | undefined;
  const onReached = (isReached: boolean, error?: unknown) => {
    events.reached(isReached);
    const message = error === undefined ? undefined : (error as Error).message;
    // It is tried again every second.
    const isNews = message !== undefined && message !== told;
    if (isReached || isNews) told = message;
    if (isNews) log({ level: "warn", event: "control plane lost", error: message });
  };
  const isFinal = () => false;
  for await (const change of follow(source, { signal, onReached, isFinal, pauses })) {
    if (change.type === "BEGIN") events.begin();
    else if (change.type !== "LIST") events.event(change);
  }
}
