/** Carries a client's requests to a server's socket, and keeps what was said. */
import type { Transport } from "../../src/api/client/transport.ts";
import type { Exchange } from "./api-document.ts";

export class Recorder {
  readonly exchanges: Exchange[] = [];
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  readonly transport: Transport = async (path, { lasts: _, ...request }) => {
    const response = await fetch(`http://netloom${path}`, { ...request, unix: this.#socket });
    const { pathname, searchParams: query } = new URL(path, "http://netloom");
    const exchange: Exchange = {
      ...{ method: request.method, path: pathname, query },
      requestType: request.headers["content-type"],
      requestBody: request.body,
      status: response.status,
      responseType: response.headers.get("content-type") ?? "",
      responseBody: "",
    };
    this.exchanges.push(exchange);
    const decoder = new TextDecoder();
    const keeping = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        exchange.responseBody += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
    const { status, headers } = response;
    return new Response(response.body?.pipeThrough(keeping), { status, headers });
  };
}
