/** The node spec as a stream: what a host must know, and what of it changes. */
import { apiVersionOf } from "../../api/kind.ts";
import { initialEventsEnd } from "../../api/node-spec.ts";
import type { Feed } from "../objects/feed.ts";
import { prefixOf } from "../objects/keys.ts";
import { topicOfHost, topicOfResource } from "../objects/topics.ts";
import { everySoOften } from "../objects/watching.ts";
import type { Store } from "../store/store.ts";
import { hostKind } from "./reader.ts";
import { isOfHosts } from "./selection.ts";
import { NodeView, pluralByResource } from "./view.ts";

/** Agents take a server that is silent for longer than a few of these for gone. */
const bookmarkMs = 30_000;

/** Of ports, blocks and hosts a host hears its own, of other kinds all. */
const topicsOfNode = (host: string) =>
  [...pluralByResource].map(([resource, plural]) =>
    isOfHosts(plural) ? topicOfHost(resource, host) : topicOfResource(resource),
  );

export interface NodeSpecRequest {
  readonly host: string;
  /** Goes on after it; undefined: from the beginning. */
  readonly revision?: number;
}

interface Source {
  readonly store: Store;
  readonly feed: Feed;
}

/** The lines of the stream. Ends when `signal` fires. Throws ApiError (Expired). */
export async function* nodeSpecLines(
  { store, feed }: Source,
  { host, revision: since }: NodeSpecRequest,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let revision = since ?? (await store.list(prefixOf(hostKind), { limit: 1 })).revision;
  const view = new NodeView(store, host);
  if (since === undefined) {
    for await (const lines of view.all(revision)) yield lines;
    yield bookmark(revision, true);
  } else {
    await view.resume(since);
  }
  const always = topicsOfNode(host);
  const topics = () => [...always, ...view.topics()];
  for await (const changes of everySoOften(feed.follow(revision, signal, topics), bookmarkMs)) {
    if (changes === "quiet") {
      yield bookmark(revision, false);
      continue;
    }
    revision = changes.revision;
    const isOlderTold = yield* view.after(changes);
    // What is told anew bears its own, older revision.
    if (isOlderTold) yield bookmark(revision, false);
  }
}

function bookmark(revision: number, isEnd: boolean): string {
  const annotations = isEnd ? { annotations: { [initialEventsEnd]: "true" } } : {};
  const metadata = { resourceVersion: String(revision), ...annotations };
  const object = { kind: hostKind.kind, apiVersion: apiVersionOf(hostKind), metadata };
  return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
}
