/** Follows what a server has: all that there is, then each change, past whatever breaks off. */
import { initialEventsEnd, type WatchEvent } from "../node-spec.ts";
import { ApiError } from "../status-error.ts";
import { pause, type Sleep } from "./patience.ts";
import { UnreachableError } from "./transport.ts";

export interface WatchFrom {
  /** Undefined: all that there is comes first, then a bookmark that says so. */
  readonly resourceVersion: string | undefined;
  readonly signal: AbortSignal;
  /** Called when a server has taken the watch on. */
  readonly onOpen: () => void;
}

/** What is followed. */
export interface Source<L, E> {
  /** All that there is, with its resourceVersion. Without this, a watch begins with all. */
  list?(signal: AbortSignal): Promise<{ readonly list: L; readonly version: string }>;
  watch(from: WatchFrom): AsyncGenerator<WatchEvent<E>>;
}

export type Followed<L, E> =
  /** All that there is: at first, and again where events were missed. */
  | { readonly type: "LIST"; readonly list: L }
  /** The same, of a source that can't be listed: it follows, up to its bookmark. */
  | { readonly type: "BEGIN" }
  | WatchEvent<E>;

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Whether a server is heard now. `error`: why not; absent where the server ended a watch. */
  readonly onReached?: (isReached: boolean, error?: unknown) => void;
  /** Which failures trying again can't mend. */
  readonly isFinal?: (error: unknown) => boolean;
  /** Between tries: twice as long each time, up to the longest. */
  readonly pauses?: { readonly firstMs: number; readonly longestMs: number };
  readonly sleep?: Sleep;
}

/** A watch that lasted so long was one: what ends it is the first failure again. */
const enduringMs = 2000;

/** Until the signal fires. Throws what is final. */
export async function* follow<L, E>(
  source: Source<L, E>,
  {
    signal,
    onReached,
    isFinal = cannotPass,
    pauses = { firstMs: 100, longestMs: 5000 },
    sleep = pause,
  }: FollowOptions,
): AsyncGenerator<Followed<L, E>> {
  let version: string | undefined;
  let failures = 0;
  const onOpen = () => onReached?.(true);
  while (!signal.aborted) {
    const begun = performance.now();
    let failure: unknown;
    try {
      if (version === undefined && source.list) {
        const listed = await source.list(signal);
        version = listed.version;
        yield { type: "LIST", list: listed.list };
      }
      let stage: "begins" | "lists" | "changes" = version === undefined ? "begins" : "changes";
      for await (const event of source.watch({ resourceVersion: version, signal, onOpen })) {
        failures = 0;
        if (stage === "begins") yield { type: "BEGIN" };
        if (stage !== "changes") stage = endsListing(event) ? "changes" : "lists";
        yield event;
        // A listing that is cut short is no place to go on from.
        if (stage === "changes") version = versionOf(event.object) ?? version;
      }
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    if (failure !== undefined && isFinal(failure)) throw failure;
    onReached?.(false, failure);
    if (isExpired(failure)) version = undefined;
    if (performance.now() - begun > enduringMs) failures = 0;
    // A server that ends watches at once must not be asked without end.
    await sleep(pauseMs(failure === undefined ? 0 : failures++, pauses), signal);
  }
}

/** The history after the last event is forgotten: all is to be listed anew. */
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 410;

/** Trying again can't help. It may where access is refused: grants come and go. */
const finalCodes = new Set([400, 404, 405, 406]);

/** Whether neither the API nor the way to it may be better later: all else is a defect of ours. */
function cannotPass(error: unknown): boolean {
  if (error instanceof ApiError) return finalCodes.has(error.code);
  return !(error instanceof UnreachableError);
}

function endsListing({ type, object }: WatchEvent<any>): boolean {
  return type === "BOOKMARK" && object.metadata?.annotations?.[initialEventsEnd] === "true";
}

/** Of a list or an object; of a table's event, its row's. */
export function versionOf(object: any): string | undefined {
  const own = object?.metadata?.resourceVersion;
  if (own || object?.kind !== "Table") return own || undefined;
  return object.rows?.at(-1)?.object?.metadata?.resourceVersion;
}

/** Not all clients at once. */
function pauseMs(
  failures: number,
  { firstMs, longestMs }: NonNullable<FollowOptions["pauses"]>,
): number {
  const longest = Math.min(longestMs, firstMs * 2 ** failures);
  return longest / 2 + (Math.random() * longest) / 2;
}
