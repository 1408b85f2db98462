/**
 * gRPC over a Unix socket: unary calls, streams from the server. Source: grpc.io, PROTOCOL-HTTP2.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectSocket } from "node:net";

/** What the server answered that it refused with, or that it could not be asked. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  /** gRPC's status code: 0 to 16. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Source: grpc.io, statuscodes. */
export const grpcStatus = {
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  failedPrecondition: 9,
  unavailable: 14,
} as const;

const headBytes = 5;
/** A message that claims to be longer is no message of the service's. */
const maxMessageBytes = 64 << 20;

/** One connection; it is made with the first call and made anew after it broke. */
export class GrpcClient implements Disposable {
  readonly #socketPath: string;
  readonly #timeoutMs: number;
  #session: ClientHttp2Session | undefined;

  constructor(socketPath: string, timeoutMs: number) {
    this.#socketPath = socketPath;
    this.#timeoutMs = timeoutMs;
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  /** The answer's bytes; empty where the service sent no message. Throws GrpcError. */
  async call(method: string, request: Uint8Array): Promise<Uint8Array> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    let answer = new Uint8Array();
    for await (const message of this.stream(method, request, signal)) answer = message;
    if (!signal.aborted) return answer;
    const message = `${method} took longer than ${this.#timeoutMs} ms`;
    throw new GrpcError(grpcStatus.deadlineExceeded, message);
  }

  /** The messages of a stream until the server ends it or `signal` fires. Throws GrpcError. */
  async *stream(
    method: string,
    request: Uint8Array,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const stream = this.#open(method, signal);
    const status = statusOf(stream, method);
    // Whoever reads hears of it below; without a reader it is nobody's.
    status.catch(() => {});
    try {
      stream.end(framed(request));
      yield* unframed(stream);
      await status;
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof GrpcError ? error : this.#unreachable(method, error);
    } finally {
      stream.close();
    }
  }

  #open(method: string, signal: AbortSignal): ClientHttp2Stream {
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      const session = connect("http://localhost", {
        createConnection: () => connectSocket(this.#socketPath),
      });
      // Each call tells of it itself.
      session.on("error", () => {});
      session.on("goaway", () => session.close());
      this.#session = session;
    }
    return this.#session.request(
      {
        ":method": "POST",
        ":path": method,
        "content-type": "application/grpc",
        te: "trailers",
      },
      { signal },
    );
  }

  #unreachable(method: string, cause: unknown): GrpcError {
    const said = cause instanceof Error ? cause.message : String(cause);
    const message = `${method} by "${this.#socketPath}" failed: ${said}`;
    return new GrpcError(grpcStatus.unavailable, message, { cause });
  }
}

/** A message in gRPC's frame: not compressed, its length, itself. */
function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headBytes + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, headBytes);
  return frame;
}

async function* unframed(chunks: AsyncIterable<Uint8Array>) {
  let rest = new Uint8Array();
  for await (const chunk of chunks) {
    const joined = new Uint8Array(rest.length + chunk.length);
    joined.set(rest);
    joined.set(chunk, rest.length);
    rest = joined;
    while (rest.length >= headBytes) {
      const end = headBytes + new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (end > maxMessageBytes) throw new Error("the server sent what is no gRPC message");
      if (rest.length < end) break;
      yield rest.subarray(headBytes, end);
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new Error("the server's answer ends within a message");
}

/** Settles when the call has its status, which comes in the trailers, or in the only headers. */
function statusOf(stream: ClientHttp2Stream, method: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const judge = (headers: Record<string, unknown>) => {
      const status = headers["grpc-status"];
      if (status === undefined) return;
      if (Number(status) === 0) return resolve();
      const said = decodeURIComponent(String(headers["grpc-message"] ?? ""));
      reject(new GrpcError(Number(status), said || `${method}: gRPC status ${status}`));
    };
    stream.on("response", judge);
    stream.on("trailers", judge);
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("the connection was closed")));
  });
}
