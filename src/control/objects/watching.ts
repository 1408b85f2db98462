/** Watches: what a client who selects some objects must hear of their changes. */
import type { Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";
import type { Feed, ObjectEvent } from "./feed.ts";
import { prefixOf, resourceOf } from "./keys.ts";
import { type Selection, selected } from "./reading.ts";
import { topicOfResource } from "./topics.ts";

type AnyKind = Kind<any, any>;
export type EventType = "ADDED" | "MODIFIED" | "DELETED";

/** An event for this client. */
export interface Seen {
  readonly type: EventType;
  readonly object: ApiObject;
  /** Whole objects' events are the same for all who see them. */
  readonly event: ObjectEvent;
}

/** What a change is to who selects these objects; undefined: nothing. */
export function seenAs(selection: Selection, event: ObjectEvent): Seen | undefined {
  const { object, previous } = event;
  const isIn = object !== undefined && selected(selection, object);
  const wasIn = previous !== undefined && selected(selection, previous);
  if (isIn) return { type: wasIn ? "MODIFIED" : "ADDED", object, event };
  // An object that left is told as it last was in sight, but of now.
  return wasIn ? { type: "DELETED", object: previous, event } : undefined;
}

export interface SeenChanges {
  readonly revision: number;
  readonly seen: readonly Seen[];
}

/** The changes of a kind after a revision, as this client sees them. Throws as `follow`. */
export async function* watchKind(
  feed: Feed,
  kind: AnyKind,
  { selection, revision, signal }: { selection: Selection; revision: number; signal: AbortSignal },
): AsyncGenerator<SeenChanges> {
  const resource = resourceOf(kind);
  const prefix = prefixOf(kind, selection.namespace);
  const topics = () => [topicOfResource(resource)];
  for await (const changes of feed.follow(revision, signal, topics)) {
    const seen = changes.events
      .filter((event) => event.resource === resource && event.key.startsWith(prefix))
      .map((event) => seenAs(selection, event))
      .filter((each) => each !== undefined);
    yield { revision: changes.revision, seen };
  }
}

/** The event as a line of JSON, made once for all who see it. */
export function eventLine({ type, object, event }: Seen): string {
  const known = event.lines.get(type);
  if (known !== undefined) return known;
  const line = `${JSON.stringify({ type, object })}\n`;
  event.lines.set(type, line);
  return line;
}

/** What `source` gives, and "quiet" whenever so long has passed. */
export async function* everySoOften<T>(
  source: AsyncGenerator<T>,
  ms: number,
): AsyncGenerator<T | "quiet"> {
  let wake = () => {};
  let isDue = false;
  const timer = setInterval(() => {
    isDue = true;
    wake();
  }, ms);
  try {
    let pending = source.next();
    for (;;) {
      const due = new Promise<"quiet">((resolve) => {
        wake = () => resolve("quiet");
      });
      const first = isDue ? "quiet" : await Promise.race([pending, due]);
      if (first === "quiet") {
        isDue = false;
        yield "quiet";
        continue;
      }
      if (first.done) return;
      yield first.value;
      pending = source.next();
    }
  } finally {
    clearInterval(timer);
    await source.return(undefined);
  }
}
