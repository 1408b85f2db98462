/** Following the node spec while no server answers. */
import { expect, test } from "bun:test";
import { UnreachableError } from "../../api/client/transport.ts";
import type { LogEvent } from "../../lib/log.ts";
import { followSpec } from "./feed.ts";

test("that the control plane is lost is logged once, and once more for another reason", async () => {
  const reasons = ["nobody listens", "nobody listens", "it gave no answer", "it gave no answer"];
  const ended = new AbortController();
  const events: LogEvent[] = [];
  const nodeSpec = () => {
    const reason = reasons.shift();
    if (reason === undefined) ended.abort();
    throw new UnreachableError(reason);
  };
  await followSpec({ nodeSpec } as never, "h1", {
    events: { begin() {}, event() {}, reached() {} },
    log: (event) => events.push(event),
    signal: ended.signal,
  });
  expect(events.map(({ error }) => error)).toEqual(["nobody listens", "it gave no answer"]);
});
