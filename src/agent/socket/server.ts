/** The agent's socket: calls of plugins, a line of JSON each way, for root alone. */
import { createServer, type Server, type Socket } from "node:net";
import type { AgentAnswer, AgentRequest } from "../../cni/agent-protocol.ts";
import { removeSync } from "../../kernel/sys/files.ts";
import { peerCredentials } from "../../kernel/sys/peer.ts";
import type { Log } from "../../lib/log.ts";
import { readRequest } from "./request.ts";

export type Serve = (request: AgentRequest) => Promise<AgentAnswer>;

const longestRequest = 16 << 20;
const requestTimeoutMs = 10_000;

export class AgentServer {
  readonly #serve: Serve;
  readonly #log: Log;
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new Set<Promise<void>>();
  #server: Server | undefined;

  constructor(serve: Serve, log: Log) {
    this.#serve = serve;
    this.#log = log;
  }

  /** Takes the path over: who holds the run directory's lock may. Throws what listening throws. */
  listen(path: string): Promise<void> {
    removeSync(path);
    // Who has said all may close that half, and still wants the answer.
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      // What the path is made with may be seen by others before it could be changed.
      const before = process.umask(0o177);
      server.listen({ path }, resolve);
      process.umask(before);
    });
  }

  /** Takes no more calls, and ends when those under way are answered. */
  async close(): Promise<void> {
    this.#server?.close();
    while (this.#underWay.size > 0) await Promise.all([...this.#underWay]);
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    if (!isRoot(socket)) {
      this.#log({ level: "warn", event: "caller refused" });
      socket.destroy();
      return;
    }
    const breakOff = () => void socket.destroy();
    socket.setTimeout(requestTimeoutMs, breakOff);
    const decoder = new TextDecoder();
    let text = "";
    const onData = (data: Uint8Array) => {
      text += decoder.decode(data, { stream: true });
      const end = text.indexOf("\n");
      if (end < 0 && text.length <= longestRequest) return;
      socket.off("data", onData);
      socket.off("end", breakOff);
      // What else comes is passed over, but the end of the connection is heard.
      socket.on("data", () => {});
      socket.setTimeout(0);
      const work = this.#answer(socket, end < 0 ? undefined : text.slice(0, end));
      this.#underWay.add(work);
      void work.finally(() => this.#underWay.delete(work));
    };
    socket.on("data", onData);
    socket.on("end", breakOff);
  }

  /** Work that was begun is finished, also where nobody waits for it any more. */
  async #answer(socket: Socket, line: string | undefined): Promise<void> {
    try {
      if (line === undefined) throw new RangeError(`A request has at most ${longestRequest} bytes`);
      const answer = await this.#serve(readRequest(line));
      socket.end(`${JSON.stringify(answer)}\n`);
    } catch (error) {
      this.#log({ level: "warn", event: "request refused", error: (error as Error).message });
      socket.destroy();
    }
  }
}

function isRoot(socket: Socket): boolean {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  return peerCredentials(fd).uid === 0;
}
