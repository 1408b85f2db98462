/** GoBGP's API, typed: one function a method. */
import { GrpcClient } from "./grpc.ts";
import { methods } from "./messages.ts";
import { decode, encode, type Fields, type Message } from "./protobuf.ts";

type Methods = typeof methods;
type Streams =
  | "listPeer"
  | "listPath"
  | "listDefinedSet"
  | "listPolicy"
  | "listPolicyAssignment"
  | "watchEvent";
type Calls = Exclude<keyof Methods, Streams>;
export type Request<M extends keyof Methods> = Message<Methods[M][1]>;
export type Answer<M extends keyof Methods> = Message<Methods[M][2]>;

const service = "/apipb.GobgpApi/";

export class GobgpClient implements Disposable {
  readonly #grpc: GrpcClient;

  constructor(socketPath: string, timeoutMs: number) {
    this.#grpc = new GrpcClient(socketPath, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#grpc[Symbol.dispose]();
  }

  /** Throws GrpcError, ProtobufError. */
  async call<M extends Calls>(method: M, request: Request<M>): Promise<Answer<M>> {
    const [name, asked, answered]: readonly [string, Fields, Fields] = methods[method];
    const answer = await this.#grpc.call(service + name, encode(asked, request));
    return decode(answered, answer) as Answer<M>;
  }

  /** Until the daemon ends it or `signal` fires. Throws GrpcError, ProtobufError. */
  async *stream<M extends Streams>(
    method: M,
    request: Request<M>,
    signal: AbortSignal,
  ): AsyncGenerator<Answer<M>> {
    const [name, asked, answered]: readonly [string, Fields, Fields] = methods[method];
    for await (const message of this.#grpc.stream(service + name, encode(asked, request), signal)) {
      yield decode(answered, message) as Answer<M>;
    }
  }

  /** All of a listing. Throws GrpcError, ProtobufError. */
  async list<M extends Streams>(method: M, request: Request<M>): Promise<Answer<M>[]> {
    const found: Answer<M>[] = [];
    for await (const each of this.stream(method, request, new AbortController().signal)) {
      found.push(each);
    }
    return found;
  }
}
