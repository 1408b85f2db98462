/**
 * Calls etcd's v3 API by its JSON gateway, at the first of its endpoints that answers. Numbers of
 * 64 bits and bytes are text there. Source: etcd's rpc.proto, api_grpc_gateway.
 */
import { StoreUnavailableError } from "./store.ts";

/** What a client shows and trusts, each in PEM. */
export interface EtcdTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface EtcdLimits {
  /** For one try at one endpoint. */
  readonly tryMs: number;
  /** For a call with all its tries. */
  readonly deadlineMs: number;
}

export const etcdLimits: EtcdLimits = { tryMs: 5000, deadlineMs: 10_000 };

/** etcd refused. `code` is gRPC's, `message` etcd's own. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Codes of gRPC that etcd answers with. Source: google/rpc/code.proto. */
export const grpcCode = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  outOfRange: 11,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What is no answer but a state of etcd's: unless it is known, something else may come next. */
const states: Readonly<Record<number, string>> = {
  [grpcCode.deadlineExceeded]: "etcd took too long: look at its members and their disks",
  [grpcCode.permissionDenied]: "etcd doesn't let us: look at the roles of its users",
  [grpcCode.resourceExhausted]: "etcd is full: compact and defragment it, then disarm its alarm",
  [grpcCode.unavailable]: "etcd has no leader, or is changing it: see that most members run",
  [grpcCode.unauthenticated]: "etcd doesn't know us: look at its users and our certificate",
};

const mayPass = new Set<number>([grpcCode.deadlineExceeded, grpcCode.unavailable]);

/** Errors of calls that never reached anybody, and may be made elsewhere whatever they ask for. */
const neverSent = new Set(["ConnectionRefused", "FailedToOpenSocket", "ECONNREFUSED"]);

const pauseMs = 100;

export class EtcdClient {
  readonly #endpoints: readonly string[];
  readonly #tls: EtcdTls;
  readonly #limits: EtcdLimits;
  #preferred = 0;

  constructor(endpoints: readonly string[], tls: EtcdTls, limits: EtcdLimits) {
    if (endpoints.length === 0) throw new RangeError("Cannot use etcd: name at least one endpoint");
    this.#endpoints = endpoints;
    this.#tls = tls;
    this.#limits = limits;
  }

  /**
   * The answer. `again`: whether it does no harm to ask twice; otherwise it is asked elsewhere only
   * where nobody can have heard it. Throws StoreUnavailableError, EtcdError.
   */
  async call(path: string, body: object, again: boolean): Promise<any> {
    const deadline = performance.now() + this.#limits.deadlineMs;
    for (;;) {
      try {
        const signal = AbortSignal.timeout(this.#limits.tryMs);
        const response = await this.#fetch(path, body, signal);
        const answer: any = await response.json();
        if (response.ok) return answer;
        throw new EtcdError(answer.code ?? 0, answer.message ?? `HTTP ${response.status}`);
      } catch (error) {
        if (error instanceof EtcdError && !(error.code in states)) throw error;
        const late = performance.now() + pauseMs > deadline;
        if (late || !(again ? isPassing(error) : isUnheard(error))) throw this.#unavailable(error);
        this.#preferred++;
      }
      await Bun.sleep(pauseMs);
    }
  }

  /**
   * What comes on a stream, until `signal` fires. It is given up when nothing came for `quietMs`.
   * Throws StoreUnavailableError; the next stream is asked for elsewhere.
   */
  async *stream(path: string, body: object, options: { signal: AbortSignal; quietMs: number }) {
    const { signal, quietMs } = options;
    const quiet = new AbortController();
    const giveUp = () => quiet.abort(new Error(`nothing came for ${quietMs} ms`));
    let timer = setTimeout(giveUp, this.#limits.tryMs);
    try {
      const response = await this.#fetch(path, body, AbortSignal.any([signal, quiet.signal]));
      for await (const message of lines(response)) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, quietMs);
        const { result, error } = message;
        if (error || !result) throw new EtcdError(error?.grpc_code ?? 0, text(error ?? message));
        yield result;
      }
      if (!signal.aborted) throw new Error("etcd ended the stream");
    } catch (error) {
      if (signal.aborted) return;
      this.#preferred++;
      throw this.#unavailable(quiet.signal.aborted ? quiet.signal.reason : error);
    } finally {
      clearTimeout(timer);
      quiet.abort();
    }
  }

  get #endpoint(): string {
    return this.#endpoints[this.#preferred % this.#endpoints.length]!;
  }

  #fetch(path: string, body: object, signal: AbortSignal): Promise<Response> {
    return fetch(`${this.#endpoint}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      // A member that is cut off from its leader must say so instead of keeping still.
      headers: { "Grpc-Metadata-hasleader": "true" },
      tls: this.#tls,
      signal,
      timeout: false,
    } as RequestInit);
  }

  #unavailable(error: unknown): StoreUnavailableError {
    const said = text(error);
    const state = error instanceof EtcdError ? states[error.code] : undefined;
    const what =
      state ?? "it doesn't answer: see that it runs, and look at addresses and certificates";
    const message = `Cannot use the store in etcd at "${this.#endpoint}": ${what} (${said})`;
    return new StoreUnavailableError(message, { cause: error });
  }
}

function isUnheard(error: unknown): boolean {
  if (error instanceof EtcdError) return error.message.endsWith("no leader");
  return neverSent.has((error as { code?: string }).code ?? "");
}

function isPassing(error: unknown): boolean {
  return !(error instanceof EtcdError) || mayPass.has(error.code);
}

/** Where there is a code, what the runtime says beside it helps nobody. */
function text(error: any): string {
  return typeof error.code === "string" ? error.code : (error.message ?? JSON.stringify(error));
}

/** A message a line. */
async function* lines(response: Response): AsyncGenerator<any> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const parts = decoder.decode(chunk, { stream: true }).split("\n");
    parts[0] = rest + parts[0]!;
    rest = parts.pop()!;
    for (const part of parts) if (part !== "") yield JSON.parse(part);
  }
  if (rest.trim() !== "") yield JSON.parse(rest);
}
