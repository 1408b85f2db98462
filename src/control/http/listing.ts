/** Lists over HTTP, portion by portion: never one text, or one array, as a whole. */
import type { Log } from "../../lib/log.ts";
import type { Portion } from "../objects/reading.ts";
import { jsonHeaders, toApiError } from "./answers.ts";
import { type BodyOptions, bodyOf } from "./body-stream.ts";
import type { Representation } from "./representation.ts";

/** A client that takes its list more slowly asks for pages (limit, continue). */
const longestMs = 600_000;

export interface Listing {
  readonly first: Portion;
  readonly others: AsyncGenerator<Portion, void>;
  readonly representation: Representation;
}

/** The answer that is this list. One that fails on its way is broken off. */
export function listAnswer(
  listing: Listing,
  { log, breakOff }: Pick<BodyOptions, "breakOff"> & { readonly log: Log },
): Response {
  const body = bodyOf(logged(textsOf(listing), log), { breakOff, ended() {} });
  return new Response(body, { headers: jsonHeaders });
}

async function* logged(texts: AsyncGenerator<string, void>, log: Log) {
  try {
    yield* texts;
  } catch (error) {
    const { message } = toApiError(error, log);
    log({ level: "warn", event: "list broken off", error: message });
    throw error;
  }
}

/** The metadata comes last: only the end tells where the next page goes on. */
async function* textsOf({ first, others, representation }: Listing) {
  const until = performance.now() + longestMs;
  const { metadata: _, ...head } = representation.list([], {});
  let text = JSON.stringify(head).replace(/\]\}$/, "");
  let between = "";
  for (let portion: Portion | undefined = first; portion; ) {
    const items = representation.texts(portion.listed);
    if (items.length > 0) {
      text += between + items.join(",");
      between = ",";
    }
    yield text;
    if (performance.now() > until) throw new Error(`it was not taken in ${longestMs / 1000} s`);
    const next = (await others.next()).value ?? undefined;
    text = next ? "" : `],"metadata":${JSON.stringify(metadataOf(portion))}}\n`;
    portion = next;
  }
  yield text;
}

const metadataOf = ({ revision, ...portion }: Portion) => ({
  resourceVersion: String(revision),
  ...(portion.continue !== undefined && { continue: portion.continue }),
});
