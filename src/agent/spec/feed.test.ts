/** Following the node spec while no server answers. */
import { expect, test } from "bun:test";
import { UnreachableError } from "../../api/client/transport.ts";
import type { LogEvent } from "../../lib/log.ts";
import { followSpec, Renewal } from "./feed.ts";

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

test("a connection that may lead nowhere is given up for another at once", async () => {
  const ended = new AbortController();
  const renewal = new Renewal();
  let opened = 0;
  async function* nodeSpec(_host: string, from: { signal: AbortSignal }) {
    opened++;
    if (opened === 3) ended.abort();
    else setTimeout(() => renewal.renew());
    const { promise, resolve } = Promise.withResolvers<void>();
    from.signal.addEventListener("abort", () => resolve());
    if (!from.signal.aborted) await promise;
  }
  await followSpec({ nodeSpec } as never, "h1", {
    events: { begin() {}, event() {}, reached() {} },
    ...{ log: () => {}, signal: ended.signal, renewal },
  });
  expect(opened).toBe(3);
});
