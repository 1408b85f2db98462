/**
 * A typed client of the API. It speaks Kubernetes' conventions alone, so that it reads a Kubernetes
 * API server as well.
 */
import type { Kind, ObjectOfKind } from "../kind.ts";
import { nodeSpecPath, type WatchEvent } from "../node-spec.ts";
import { ApiError } from "../status-error.ts";
import { readEvents, readJson } from "./answer.ts";
import { patient, type Sleep } from "./patience.ts";
import { resourceOf } from "./requests.ts";
import type { Resource, Send, SendRequest, WatchOptions } from "./resource.ts";
import { Silence } from "./silence.ts";
import { type ApiRequest, Servers, type Transport, UnreachableError } from "./transport.ts";

export interface ClientOptions {
  /** Who writes, for managedFields, unless a call says otherwise. */
  readonly fieldManager?: string;
  /** Sent with each request: `authorization`, `user-agent`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told what the server warns of, such as unknown fields. */
  readonly onWarning?: (text: string) => void;
  /** What to do where no server answers: the end of that error, for people. */
  readonly remedy?: string;
  /** What more to say where a server does not accept who asks (401), for people. */
  readonly refusal?: string;
  /** A watch of which nothing is heard for so long is broken; servers send bookmarks more often. */
  readonly silenceMs?: number;
  /** Waits where a server asks for it. */
  readonly sleep?: Sleep;
}

export interface Client extends Send {
  /** The objects of a kind. */
  of<K extends Kind<any, any>>(kind: K): Resource<ObjectOfKind<K>>;
  /** What a host must know: see `node-spec.ts`. Throws ApiError: Expired (410): begin anew. */
  nodeSpec(
    host: string,
    options?: Pick<WatchOptions, "resourceVersion" | "signal" | "timeoutSeconds" | "onOpen">,
  ): AsyncGenerator<WatchEvent>;
  /** The answer as it comes, refused or not; 406 where the server can't give `accept`. */
  raw(path: string, request?: SendRequest): Promise<Response>;
}

/** A client of one server, or of several that stand in for one another. */
export function client(
  transport: Transport | readonly Transport[],
  options: ClientOptions = {},
): Client {
  const { remedy, refusal, onWarning, fieldManager, silenceMs = 90_000 } = options;
  const servers = new Servers(typeof transport === "function" ? [transport] : transport, remedy);
  const send = patient(servers.send, options.sleep);
  const asked = async (path: string, request: SendRequest, lasts = false) => {
    const response = await send(path + queryText(request.query), {
      ...requestOf(request, options),
      ...(lasts && { lasts }),
    });
    for (const warning of warningsOf(response.headers)) onWarning?.(warning);
    return response;
  };
  const json: Client["json"] = async (path, request = {}) => {
    const response = await asked(path, request);
    return readJson(response).catch((error: unknown) => {
      if (error instanceof UnreachableError) servers.passOver(response);
      throw explained(error, refusal);
    });
  };
  async function* events(
    path: string,
    { onOpen, ...request }: Parameters<Client["events"]>[1] = {},
  ): AsyncGenerator<WatchEvent<any>> {
    const { signal } = request;
    const silence = new Silence(silenceMs);
    const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    let response: Response | undefined;
    try {
      response = await asked(path, { ...request, signal: either }, true);
      for await (const event of readEvents(response, onOpen)) {
        silence.heard();
        yield event;
      }
    } catch (error) {
      // Whoever gave the signal knows that it ended.
      if (signal?.aborted) return;
      if (response && !(error instanceof ApiError && error.code < 500)) servers.passOver(response);
      throw silence.signal.aborted ? silent(silenceMs, error) : explained(error, refusal);
    } finally {
      silence.end();
    }
  }
  const sender = { json, events };
  return {
    ...sender,
    raw: (path, request = {}) => asked(path, request),
    of: (kind) => resourceOf(sender, kind, fieldManager) as any,
    nodeSpec: (host, { resourceVersion, signal, timeoutSeconds, onOpen } = {}) =>
      events(nodeSpecPath(host), {
        query: { watch: true, resourceVersion, timeoutSeconds, allowWatchBookmarks: true },
        signal,
        onOpen,
      }),
  };
}

function explained(error: unknown, refusal: string | undefined): unknown {
  if (refusal === undefined || !(error instanceof ApiError) || error.code !== 401) return error;
  return new ApiError({ ...error.status, message: `${error.message}: ${refusal}` });
}

const silent = (ms: number, cause: unknown) =>
  new UnreachableError(`The API server was silent for ${ms / 1000} s`, { cause });

function requestOf(
  {
    method = "GET",
    body,
    contentType = "application/json",
    accept = "application/json",
    signal,
  }: SendRequest,
  { headers }: ClientOptions,
): ApiRequest {
  return {
    method,
    headers: { ...headers, accept, ...(body !== undefined && { "content-type": contentType }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  };
}

function queryText(query: SendRequest["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

/** The texts of `Warning: 299 - "unknown field \"spec.x\""`. */
function warningsOf(headers: Headers): string[] {
  const texts = (headers.get("warning") ?? "").matchAll(/299 \S+ "((?:\\.|[^"\\])*)"/g);
  return [...texts].map(([, text]) => text!.replace(/\\(.)/g, "$1"));
}
