/** How requests reach a server: one way, or several that stand in for one another. */

/** What is asked, below the API's root. */
export interface ApiRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** The answer may go on for long, as a watch does: only its beginning must come in time. */
  readonly lasts?: boolean;
}

/** Sends a request to `path` and its query. Rejects where no answer comes. */
export type Transport = (path: string, request: ApiRequest) => Promise<Response>;

/** No server gave an answer. `cause` is what went wrong with the last one, or with each. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";

  /** It took too long, rather than failed. */
  get isTimeout(): boolean {
    return tookTooLong(this.cause);
  }
}

const tookTooLong = (error: unknown): boolean =>
  error instanceof AggregateError
    ? error.errors.every(tookTooLong)
    : error instanceof Error && (error.name === "TimeoutError" || tookTooLong(error.cause));

/** Codes of errors by which nothing was sent, so that another server may be asked the same. */
const unsent = new Set([
  "ConnectionRefused",
  "FailedToOpenSocket",
  "EACCES",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "DNS_ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "ENOTSOCK",
  "EPERM",
]);

/** Of a server that can't be trusted, to which nothing was said. */
export const isCertificateCode = (code: string): boolean =>
  /CERT|TLS|SSL|SELF_SIGNED|ISSUER|ALTNAME/.test(code);

function wasSent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return !unsent.has(code) && !isCertificateCode(code);
}

/** Whether doing it twice is as doing it once. */
export const isRepeatable = ({ method, headers }: ApiRequest): boolean =>
  method === "GET" || headers["content-type"] === "application/apply-patch+yaml";

/** Servers that stand in for one another. */
export class Servers {
  readonly #transports: readonly Transport[];
  readonly #remedy: string;
  readonly #answered = new WeakMap<Response, number>();
  #current = 0;

  /** `remedy`: what to do where none answers, for people. */
  constructor(transports: readonly Transport[], remedy = "") {
    if (transports.length === 0) throw new Error("A client needs at least one endpoint");
    this.#transports = transports;
    this.#remedy = remedy;
  }

  /**
   * Asks the one that answered last, and the next ones where it doesn't or is not available. What
   * may have been done already is never asked of another: then the error says so.
   */
  readonly send: Transport = async (path, request) => {
    const errors: unknown[] = [];
    for (let tried = 1; ; tried++) {
      const at = this.#current;
      const isLast = tried === this.#transports.length;
      try {
        const response = await this.#transports[at]!(path, request);
        if (response.status !== 503 || !isRepeatable(request) || isLast) {
          this.#answered.set(response, at);
          return response;
        }
        await response.body?.cancel();
        this.#leave(at);
      } catch (error) {
        if (request.signal?.aborted) throw error;
        errors.push(error);
        this.#leave(at);
        if (!isLast && wasSent(error) && !isRepeatable(request)) throw uncertain(request, error);
        if (isLast) throw this.#unreachable(errors);
      }
    }
  };

  /** The server whose answer broke off or went silent is not the next one to be asked. */
  passOver(response: Response): void {
    const at = this.#answered.get(response);
    if (at !== undefined) this.#leave(at);
  }

  /** Others may have moved on meanwhile: then theirs is the next. */
  #leave(at: number): void {
    if (this.#current === at) this.#current = (at + 1) % this.#transports.length;
  }

  #unreachable(errors: readonly unknown[]): UnreachableError {
    const said = errors.map(messageOf).join("; ");
    const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
    const remedy = this.#remedy && `. ${this.#remedy}`;
    return new UnreachableError(`No server answers: ${said}${remedy}`, { cause });
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function uncertain({ method }: ApiRequest, cause: unknown): UnreachableError {
  const what = `No answer to ${method}: ${messageOf(cause)}`;
  return new UnreachableError(`${what}. Look whether it was done before you repeat it`, { cause });
}
