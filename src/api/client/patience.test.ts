/** Patience: what is asked again where a server says when, and what is not. */
import { expect, test } from "bun:test";
import { patient } from "./patience.ts";
import type { ApiRequest } from "./transport.ts";

const busy = (status: number, seconds?: number) => () =>
  new Response("", {
    status,
    headers: seconds === undefined ? {} : { "retry-after": `${seconds}` },
  });
const fine = () => new Response("ok");

/** The status that it ends with, and the waits before. */
async function asked(method: string, answers: readonly (() => Response)[], signal?: AbortSignal) {
  const left = [...answers];
  const waits: number[] = [];
  const request: ApiRequest = { method, headers: {}, ...(signal && { signal }) };
  const send = patient(
    async () => (left.length > 1 ? left.shift()! : left[0]!)(),
    async (ms) => void waits.push(ms),
  );
  return [(await send("/", request)).status, waits];
}

test.each([
  ["POST", [busy(429, 1), busy(429, 2), fine], [200, [1000, 2000]]],
  ["GET", [busy(503, 1), fine], [200, [1000]]],
  // It may have been done.
  ["POST", [busy(503, 1), fine], [503, []]],
  ["GET", [busy(500, 1), fine], [500, []]],
  ["GET", [busy(429), fine], [429, []]],
  ["GET", [busy(429, 3600), fine], [429, []]],
  ["GET", [busy(429, 1)], [429, [1000, 1000, 1000]]],
] as const)("%s %#", async (method, answers, expected) => {
  expect(await asked(method, answers)).toEqual(expected as any);
});

test("who gives up while it waits asks no more", async () => {
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(asked("GET", [busy(429, 1), fine], aborted)).rejects.toThrow("enough");
});
