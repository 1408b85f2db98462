/** Answers of the API: JSON, and failures as Kubernetes' Status objects. */
import { ApiError, internalError, serviceUnavailable } from "../../api/status-error.ts";
import type { Log } from "../../lib/log.ts";
import { StoreUnavailableError } from "../store/store.ts";

export interface AnswerOptions {
  readonly code?: number;
  /** Shown by clients to people. */
  readonly warnings?: readonly string[];
}

export const jsonHeaders = { "content-type": "application/json", "cache-control": "no-store" };

export function json(value: unknown, { code = 200, warnings = [] }: AnswerOptions = {}): Response {
  const headers = new Headers(jsonHeaders);
  for (const warning of warnings) {
    headers.append("warning", `299 - "${warning.replace(/[\\"]/g, "\\$&").slice(0, 500)}"`);
  }
  return new Response(`${JSON.stringify(value)}\n`, { status: code, headers });
}

/** The answer to what went wrong. What callers can't know is logged, never told. */
export function failed(error: unknown, log: Log): Response {
  const { status } = toApiError(error, log);
  const answer = json(status, { code: status.code });
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) answer.headers.set("retry-after", String(seconds));
  return answer;
}

export function toApiError(error: unknown, log: Log): ApiError {
  if (error instanceof ApiError) return error;
  const { name, message, stack } = error as Error;
  if (error instanceof StoreUnavailableError) {
    log({ level: "error", event: "store", error: message });
    return serviceUnavailable(`the store is unavailable: ${message}`);
  }
  log({ level: "error", event: "failed", error: `${name}: ${message}`, stack });
  return internalError("the server's log says more");
}
