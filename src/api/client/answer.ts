/** Answers of the API: objects, failures, and the events of a watch. */
import { isObject, own } from "../json.ts";
import type { WatchEvent } from "../node-spec.ts";
import type { ApiObject } from "../object.ts";
import { ApiError, type Status, statusCodes } from "../status-error.ts";
import { UnreachableError } from "./transport.ts";

/**
 * The answer's JSON. Throws ApiError where it tells of a failure, or is no JSON, and
 * UnreachableError where it breaks off.
 */
export async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch(brokenOff);
  const value = parsed(text);
  if (response.ok && value !== undefined) return value;
  throw failureOf(response, text, value);
}

function brokenOff(cause: unknown): never {
  throw new UnreachableError("The API server's answer broke off", { cause });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A proxy's page, or an answer that was cut off: `failureOf` quotes it.
  }
}

const isStatus = (value: unknown): value is Status =>
  own(value, "kind") === "Status" && typeof own(value, "code") === "number";

function failureOf({ status: code, ok }: Response, text: string, value: unknown): ApiError {
  if (isStatus(value)) return new ApiError(value);
  const entry = Object.entries(statusCodes).find(([, each]) => each === code);
  const begin = text.slice(0, 200).trim();
  const what = ok ? "an answer that is no JSON" : `HTTP status ${code}`;
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    reason: entry?.[0] ?? "InternalError",
    message: `The server gave ${what}${begin === "" ? "" : `: ${begin}`}`,
    code: ok ? 500 : code,
  });
}

/** No event is longer. */
const maxEventCharacters = 64 * 1024 * 1024;

/**
 * The events of a watch, until the server ends it. Throws ApiError on an ERROR event, and
 * UnreachableError where the connection breaks. Whoever stops reading ends the watch. `onOpen` is
 * called before the first one.
 */
export async function* readEvents<O = ApiObject>(
  response: Response,
  onOpen?: () => void,
): AsyncGenerator<WatchEvent<O>> {
  if (!response.ok || !response.body) {
    await readJson(response);
    throw failureOf(response, "", undefined);
  }
  onOpen?.();
  for await (const line of linesOf(response.body)) {
    const event = parsed(line);
    const object = own(event, "object");
    if (!isObject(object)) throw failureOf(response, line, undefined);
    if (own(event, "type") === "ERROR") throw failureOf(response, line, object);
    yield event as WatchEvent<O>;
  }
}

/** Whole lines; what is left at the end was cut off, and is nothing. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(brokenOff);
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > maxEventCharacters) throw new Error("The server sent an endless event");
      for (const line of lines) if (line.trim() !== "") yield line;
    }
  } finally {
    // A stream that broke can't be cancelled, and need not be.
    await reader.cancel().catch(() => undefined);
  }
}
