/** Lists objects and goes on with what changes, past broken connections and forgotten history. */
import {
  type Followed as Change,
  follow as followed,
  isExpired,
  versionOf,
} from "../../api/client/follow.ts";
import { pathOf } from "../../api/client/requests.ts";
import { UnreachableError } from "../../api/client/transport.ts";
import type { Api, Place, Query } from "../connection/api.ts";
import type { Surroundings } from "../surroundings.ts";

export interface Followed {
  readonly place: Place;
  /** Selectors. */
  readonly query?: Query;
  /** The media type of lists and events. */
  readonly accept?: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const pauses = { firstMs: 1000, longestMs: 1000 };

/**
 * The whole list, then each change, until the signal is given. A server that goes away is asked
 * again each second. Throws what the first request throws, and ApiError.
 */
export async function* follow(
  { client }: Api,
  { place, query = {}, accept, signal }: Followed,
  { sleep, terminal }: Pick<Surroundings, "sleep" | "terminal">,
): AsyncGenerator<Exclude<Change<any, any>, { readonly type: "BEGIN" | "BOOKMARK" }>> {
  const { kind, name, namespace } = place;
  const path = pathOf(kind, { namespace });
  const named = name === undefined ? query.fieldSelector : `metadata.name=${name}`;
  const wanted = { ...query, fieldSelector: named };
  const source = {
    list: async (signal: AbortSignal) => {
      const list: any = await client.json(path, { accept, query: wanted, signal });
      return { list, version: versionOf(list)! };
    },
    watch: ({ resourceVersion, ...from }: { readonly resourceVersion: string | undefined }) => {
      const watching = { ...wanted, watch: true, allowWatchBookmarks: true, resourceVersion };
      return client.events(path, { ...from, accept, query: watching });
    },
  };
  let hasBegun = false;
  let isTold = false;
  const isFinal = (error: unknown) =>
    !hasBegun || !(error instanceof UnreachableError || isExpired(error));
  const onReached = (isReached: boolean, error?: unknown) => {
    const isAway = error instanceof UnreachableError;
    if (isAway && !isTold) {
      terminal.note(`netloom: ${error.message}. Trying again until it answers`);
    }
    isTold = !isReached && (isTold || isAway);
  };
  for await (const change of followed(source, { signal, onReached, isFinal, pauses, sleep })) {
    hasBegun = true;
    if (change.type !== "BEGIN" && change.type !== "BOOKMARK") yield change as any;
  }
}
