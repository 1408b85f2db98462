/** The agent's client of the API. */
import { type Client, client } from "../api/client/client.ts";
import { endpoints } from "../api/client/endpoints.ts";
import { UnreachableError } from "../api/client/transport.ts";
import { ApiError } from "../api/status-error.ts";
import { CniError } from "../cni/errors.ts";
import type { Log } from "../lib/log.ts";
import { type CredentialFiles, credentialsIn } from "./credentials.ts";

/** A runtime waits for a container meanwhile. */
const timeoutMs = 5_000;

/** Throws RangeError for a server or a credential that can't be used, FileError. */
export function apiOf(servers: readonly string[], files: CredentialFiles, log: Log): Client {
  const credentials = credentialsIn(files, log);
  return client(endpoints(servers, { fetch, credentials, timeoutMs }), {
    fieldManager: "netloom-agent",
  });
}

/** What a request takes that is to end in time. */
export interface Limit {
  readonly signal?: AbortSignal;
}

/** Requests for which there is so long, for all together. Throws UnreachableError when it ends. */
export async function within<T>(ms: number, work: (limit: Limit) => Promise<T>): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return work({});
  const signal = AbortSignal.timeout(Math.ceil(ms));
  try {
    return await work({ signal });
  } catch (error) {
    const isAnswer = error instanceof ApiError || error instanceof CniError;
    if (!signal.aborted || isAnswer) throw error;
    throw new UnreachableError("No server answered in time", { cause: error });
  }
}

/** The control plane is away, or does not get on: what it was asked may go well later. */
export const isAway = (error: unknown): error is Error =>
  error instanceof UnreachableError || (error instanceof ApiError && error.code >= 500);

/** Somebody changed the object meanwhile: it is told anew of what it is now. */
export const isOvertaken = (error: unknown): boolean =>
  error instanceof ApiError && error.status.reason === "Conflict";
