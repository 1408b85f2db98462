/** Transports to servers that are named as people name them: a Unix socket, or TLS. */
import { isCertificateCode, type Transport } from "./transport.ts";

/** How a client shows who it is, and whom it believes. */
export interface Credentials {
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** A bearer token. */
  readonly token?: string;
}

/** `fetch`, with what Bun adds: Unix sockets and TLS. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
  readonly unix?: string;
  readonly tls?: Omit<Credentials, "token">;
}

export interface EndpointOptions {
  readonly fetch: Fetch;
  /** Asked anew for each request where it is a function. */
  readonly credentials?: Credentials | (() => Credentials);
  /** How long an answer may take; of one that lasts, its beginning. */
  readonly timeoutMs?: number;
  /** What to do where a server's certificate can't be trusted, for people. */
  readonly caRemedy?: string;
}

/** `unix:/path` or `https://host:port`, without what may be left out. Throws RangeError. */
export function parseEndpoint(text: string): string {
  const socket = /^(?:unix:(?:\/\/)?)?(\/.+)$/.exec(text)?.[1];
  if (socket !== undefined) return `unix:${socket}`;
  // Without TLS only to this host: a proxy, a test.
  const isUrl =
    /^https:\/\/[^/]+\/?$/.test(text) ||
    /^http:\/\/(localhost|127\.[\d.]+|\[::1\])(:\d+)?\/?$/.test(text);
  if (isUrl) return text.replace(/\/$/, "");
  throw new RangeError(`"${text}" is no server: write unix:/path or https://host:7440`);
}

/** One transport a server, in their order. Throws RangeError for one that can't be read. */
export const endpoints = (servers: readonly string[], options: EndpointOptions): Transport[] =>
  servers.map((server) => endpoint(parseEndpoint(server), options));

function endpoint(server: string, options: EndpointOptions): Transport {
  const { fetch, credentials = {}, timeoutMs = 30_000 } = options;
  const socket = server.startsWith("unix:") ? server.slice("unix:".length) : undefined;
  const root = socket === undefined ? server : "http://netloom";
  return async (path, { lasts = false, signal, headers, ...request }) => {
    const { token, ...tls } = typeof credentials === "function" ? credentials() : credentials;
    const way = socket === undefined ? { tls } : { unix: socket };
    const bearer = { ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const beginning = lasts ? new Late(timeoutMs) : undefined;
    const late = beginning?.signal ?? AbortSignal.timeout(timeoutMs);
    try {
      return await fetch(root + path, {
        ...request,
        headers: { ...headers, ...bearer },
        signal: signal ? AbortSignal.any([signal, late]) : late,
        ...way,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw failureOf(server, error as Error, { ...options, timeoutMs });
    } finally {
      beginning?.stop();
    }
  };
}

/** Fires after so long, until it is told not to. Its timer keeps a process alive meanwhile. */
class Late {
  readonly #end = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(timeoutMs: number) {
    const error = new DOMException("It took too long", "TimeoutError");
    this.#timer = setTimeout(() => this.#end.abort(error), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

const plainly: Readonly<Record<string, string>> = {
  EACCES: "permission denied, it is root's",
  EPERM: "permission denied, it is root's",
  ECONNREFUSED: "nobody listens",
  ConnectionRefused: "nobody listens",
  EAI_AGAIN: "its name is not known now: look at this host's resolver",
  ENOTFOUND: "there is no such name: look how it is spelt",
  EPROTO: "it does not speak TLS at this port",
  EHOSTUNREACH: "no route leads there",
  ENETUNREACH: "no route leads there",
  ENAMETOOLONG: "the path is too long for a socket",
};

/** A server that speaks TLS ends so what does not. */
const brokenOff = (server: string): string =>
  "it broke the connection off without an answer" +
  (server.startsWith("http:") ? ": write https:// where it serves TLS" : "");

/** The failure with the server's name, for people; its code is kept for `Servers`. */
function failureOf(
  server: string,
  error: Error,
  { timeoutMs = 0, caRemedy = "name the right CA" }: EndpointOptions,
): Error {
  const { code = "" } = error as { readonly code?: string };
  const why =
    error.name === "TimeoutError"
      ? `it gave no answer within ${timeoutMs / 1000} s`
      : server.startsWith("unix:") && code === "ENOENT"
        ? "there is no such socket"
        : isCertificateCode(code)
          ? `its certificate can't be trusted (${code}): ${caRemedy}`
          : code === "ECONNRESET"
            ? brokenOff(server)
            : (plainly[code] ?? (error.message || code));
  return Object.assign(new Error(`${server}: ${why}`, { cause: error }), { code });
}
