/** Answers calls on a Unix socket: one line of JSON each way, for root and ourselves only. */
import { createServer, type Server, type Socket } from "node:net";
import { peerCredentials } from "../../kernel/sys/peer.ts";
import type { Log } from "../../lib/log.ts";
import type { DhcpAnswer, DhcpCall } from "../../model/dhcp.ts";
import { readCall } from "./calls.ts";

/** Does what a call asks. `signal`: the caller has gone. */
export type Serve = (call: DhcpCall, signal: AbortSignal) => Promise<DhcpAnswer>;

const longestCall = 1 << 20;
const callTimeoutMs = 10_000;

/** Calls under way, so that a daemon knows when nobody needs it. */
export class CallServer {
  readonly #serve: Serve;
  readonly #log: Log;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(serve: Serve, log: Log) {
    this.#serve = serve;
    this.#log = log;
  }

  get isIdle(): boolean {
    return this.#sockets.size === 0;
  }

  /** Listens at a path that nothing lies at, or on an open socket. */
  listen(at: { readonly path: string } | { readonly fd: number }): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      // What the path is made with may be seen by others before it could be changed.
      const before = process.umask(0o177);
      server.listen(at, resolve);
      process.umask(before);
    });
  }

  /**
   * Calls under way are cut off. With a listening socket Bun removes whatever lies at its path:
   * `listening` leaves those to the process's end.
   */
  close({ listening = false } = {}): void {
    if (!listening) for (const server of this.#servers.splice(0)) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const gone = new AbortController();
    socket.on("close", () => {
      this.#sockets.delete(socket);
      gone.abort();
    });
    socket.on("error", () => socket.destroy());
    if (!isTrusted(socket)) {
      this.#log({ level: "warn", event: "caller refused" });
      socket.destroy();
      return;
    }
    socket.setTimeout(callTimeoutMs, () => socket.destroy());
    let text = "";
    const decoder = new TextDecoder();
    const onData = (data: Uint8Array) => {
      text += decoder.decode(data, { stream: true });
      const end = text.indexOf("\n");
      if (end < 0 && text.length <= longestCall) return;
      socket.off("data", onData);
      // What else comes is passed over, but the end of the connection is heard.
      socket.on("data", () => {});
      socket.setTimeout(0);
      const line = end < 0 ? undefined : text.slice(0, end);
      void this.#answer(line, gone.signal).then((answer) => {
        if (!gone.signal.aborted) socket.end(`${JSON.stringify(answer)}\n`);
      });
    };
    socket.on("data", onData);
  }

  async #answer(line: string | undefined, signal: AbortSignal): Promise<DhcpAnswer> {
    try {
      if (line === undefined) throw new RangeError(`A call has at most ${longestCall} bytes`);
      return await this.#serve(parsed(line), signal);
    } catch (error) {
      const { name, message } = error as Error;
      this.#log({ level: "warn", event: "call failed", error: message });
      return { ok: false, error: { name, message } };
    }
  }
}

function parsed(line: string): DhcpCall {
  try {
    return readCall(line);
  } catch (error) {
    throw new RangeError(`Cannot read the call: ${(error as Error).message}`, { cause: error });
  }
}

/** Whoever may open the socket is root; one that systemd made may let others. */
function isTrusted(socket: Socket): boolean {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const { uid } = peerCredentials(fd);
  return uid === 0 || uid === process.getuid?.();
}
