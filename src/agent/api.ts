/** The agent's client of the API. */
import { type Client, client } from "../api/client/client.ts";
import { type Credentials, endpoints } from "../api/client/endpoints.ts";
import { UnreachableError } from "../api/client/transport.ts";
import { ApiError } from "../api/status-error.ts";
import { CniError } from "../cni/errors.ts";
import { FileError, readFileSync } from "../kernel/sys/files.ts";
import type { Log } from "../lib/log.ts";

/** How an agent shows who it is: paths of files, in PEM but for the token. */
export interface CredentialFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** A runtime waits for a container meanwhile. */
const timeoutMs = 5_000;

/** Throws RangeError for a server that can't be read, FileError. */
export function apiOf(servers: readonly string[], files: CredentialFiles, log: Log): Client {
  const credentials = credentialsIn(files, log);
  return client(endpoints(servers, { fetch, credentials, timeoutMs }), {
    fieldManager: "netloom-agent",
  });
}

/**
 * As the files have them now, so that they are renewed without a new start. While one can't be
 * read, or is empty, all stay as they were. Throws FileError where they can't be read at first.
 */
function credentialsIn(files: CredentialFiles, log: Log): () => Credentials {
  const read = (): Credentials =>
    Object.fromEntries(
      Object.entries(files).map(([name, path]) => [name, readFileSync(path).trim()]),
    );
  let known = read();
  let failure = "";
  const fail = (why: string) => {
    if (why !== failure) log({ level: "warn", event: "credentials not read", error: why });
    failure = why;
  };
  return () => {
    try {
      const now = read();
      const empty = Object.entries(files).find(([name]) => !now[name as keyof Credentials]);
      if (empty) fail(`"${empty[1]}" is empty`);
      else [known, failure] = [now, ""];
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      fail(error.message);
    }
    return known;
  };
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
