/** Waiting: for a server that is too busy now, and between tries. */
import { isRepeatable, type Transport } from "./transport.ts";

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Ends at once when the signal fires. */
export const pause: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });

const mostRepeats = 3;
/** A server that wants more is left to the caller. */
const longestSeconds = 5;

/** Asks again where a server refused for now and says when to. */
export function patient(send: Transport, sleep: Sleep = pause): Transport {
  return async (path, request) => {
    for (let repeats = 0; ; repeats++) {
      const response = await send(path, request);
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      // What was too much was not begun; of what failed, that is known of reading alone.
      const isSafe = response.status === 429 || (response.status === 503 && isRepeatable(request));
      if (!isSafe || !(seconds <= longestSeconds) || repeats === mostRepeats) return response;
      await response.body?.cancel();
      await sleep(seconds * 1000, request.signal);
      request.signal?.throwIfAborted();
    }
  };
}
