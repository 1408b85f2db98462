/** Watches over HTTP: a JSON object a line, as long as the client likes. */
import { apiVersionOf, type Kind } from "../../api/kind.ts";
import { initialEventsEnd } from "../../api/node-spec.ts";
import type { ApiObject } from "../../api/object.ts";
import { failure } from "../../api/status-error.ts";
import type { Log } from "../../lib/log.ts";
import type { Selection } from "../objects/reading.ts";
import { eventLine, everySoOften, watchKind } from "../objects/watching.ts";
import type { Hold } from "./access.ts";
import { jsonHeaders, toApiError } from "./answers.ts";
import { bodyOf } from "./body-stream.ts";
import type { Service } from "./context.ts";
import type { WatchStart } from "./list-options.ts";
import type { Representation } from "./representation.ts";

/** Between bookmarks, by which quiet watches can be resumed. */
const bookmarkMs = 60_000;
/** Kubernetes' API server ends watches between half an hour and an hour, so that they spread. */
const usualTimeoutMs = () => (1800 + Math.random() * 1800) * 1000;

export interface WatchRequest {
  readonly kind: Kind<any, any>;
  readonly selection: Selection;
  /** What there is comes as ADDED; a bookmark, where they are wanted, says where that ends. */
  readonly start: WatchStart;
  readonly bookmarks: boolean;
  readonly timeoutMs?: number;
  readonly representation: Representation;
}

/** A version that is not there yet. Throws ApiError (Timeout). */
export function refuseTooLarge(wanted = 0, current: number): void {
  if (wanted <= current) return;
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  throw failure("Timeout", message, { causes, retryAfterSeconds: 1 });
}

/** The lines of a watch. Ends when `signal` fires. Throws ApiError. */
export async function* watchLines(
  { objects, feed }: Pick<Service, "objects" | "feed">,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { kind, selection, representation } = request;
  let isFirst = true;
  const line = (type: string, object: ApiObject) => {
    const text = `${JSON.stringify({ type, object: representation.event(object, isFirst) })}\n`;
    isFirst = false;
    return text;
  };
  const bookmark = (revision: number, isEnd: boolean) => {
    const annotations = isEnd ? { annotations: { [initialEventsEnd]: "true" } } : {};
    const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata };
    return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
  };
  const { after, atLeast } = request.start;
  let revision = after ?? 0;
  if (atLeast !== undefined) {
    for await (const portion of objects.portions(kind, selection)) {
      refuseTooLarge(atLeast, portion.revision);
      yield portion.listed.map(({ object }) => line("ADDED", object)).join("");
      revision = portion.revision;
    }
    if (request.bookmarks) yield bookmark(revision, true);
  } else if (after === undefined) {
    revision = (await objects.list(kind, { ...selection, limit: 1 })).revision;
  }
  const changes = watchKind(feed, kind, { selection, revision, signal });
  for await (const at of everySoOften(changes, bookmarkMs)) {
    if (at === "quiet") {
      if (request.bookmarks) yield bookmark(revision, false);
      continue;
    }
    revision = at.revision;
    if (representation.isWhole) yield at.seen.map(eventLine).join("");
    else for (const { type, object } of at.seen) yield line(type, object);
  }
}

/** The answer whose body is these lines, made as the client takes them. */
export function streamed(
  lines: (signal: AbortSignal) => AsyncGenerator<string>,
  { timeoutMs = usualTimeoutMs(), client, ends, log, hold, breakOff }: StreamOptions,
): Response {
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, client, ends, hold.signal]);
  const timer = setTimeout(() => end.abort(), timeoutMs);
  client.addEventListener("abort", hold.release);
  const ended = () => {
    clearTimeout(timer);
    hold.release();
    end.abort();
  };
  const body = bodyOf(toldOfFailure(lines(signal), { hold, log }), { ended, breakOff });
  return new Response(body, { headers: jsonHeaders });
}

/** Whose headers are sent already can be told of failures by an event only. */
async function* toldOfFailure(
  lines: AsyncGenerator<string>,
  { hold, log }: Pick<StreamOptions, "hold" | "log">,
): AsyncGenerator<string, void> {
  try {
    yield* lines;
    if (hold.signal.aborted) throw hold.signal.reason;
  } catch (error) {
    const object = toApiError(error, log).status;
    yield `${JSON.stringify({ type: "ERROR", object })}\n`;
  }
}

export interface StreamOptions {
  readonly timeoutMs?: number;
  /** The right to it: where it ends, so does the stream. */
  readonly hold: Hold;
  /** Fires when the client is gone. */
  readonly client: AbortSignal;
  /** Fires when the server ends. */
  readonly ends: AbortSignal;
  readonly log: Log;
  /** As `Call` has it. */
  readonly breakOff?: () => void;
}
