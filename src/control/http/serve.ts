/** The API on a Unix socket that only root may open. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { closeSync, existsSync, mkdirSync, openSync, removeSync } from "../../kernel/sys/files.ts";
import { flock, SysError } from "../../kernel/sys/libc.ts";
import { peerCredentials } from "../../kernel/sys/peer.ts";
import type { Caller } from "./access.ts";
import type { Bindings } from "./app.ts";
import { mayAnswer, unanswered } from "./stuck-client.ts";

/** Answers a request of this caller. */
export type Answer = (request: Request, bindings: Bindings) => Response | Promise<Response>;

export interface Listening {
  /** What is under way is waited for so long, then cut off. */
  close(): Promise<void>;
}

/** Another server serves this run directory. */
export class TakenError extends Error {
  override readonly name = "TakenError";
}

const drainMs = 2000;

/** Listens at `<runDir>/api.sock`. Throws TakenError. */
export async function listenOnSocket(
  runDir: string,
  answer: Answer,
  { spanMs }: { readonly spanMs?: number } = {},
): Promise<Listening> {
  const lock = lockRunDir(runDir);
  const path = `${runDir}/api.sock`;
  const sockets = new Set<Socket>();
  const busy = new Set<object>();
  const http = httpServer(answer, { busy, spanMs });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    // By way of a plain server: of its sockets the descriptor, and so the peer, can be told.
    callers.set(socket, { uid: uidOf(socket) });
    http.emit("connection", socket);
  });
  try {
    // Of a server that was killed.
    removeSync(path);
    await listen(server, path);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return {
    async close() {
      server.close();
      await drained(busy);
      for (const socket of sockets) socket.destroy();
      lock[Symbol.dispose]();
    },
  };
}

const callers = new WeakMap<object, Caller>();

/** Serves connections that it is given; who is at their other end is told by `callers`. */
function httpServer(
  answer: Answer,
  { busy, spanMs }: { readonly busy: Set<object>; readonly spanMs: number | undefined },
) {
  return createAdaptorServer({
    // Names of hosts mean nothing on a socket.
    hostname: "netloom",
    overrideGlobalObjects: false,
    fetch: (request, { incoming, outgoing }) => {
      const { socket } = incoming as IncomingMessage;
      if (!mayAnswer(incoming as IncomingMessage, outgoing as ServerResponse, spanMs)) {
        return unanswered();
      }
      busy.add(socket);
      outgoing.once("close", () => busy.delete(socket));
      const breakOff = () => void outgoing.destroy();
      return answer(request, { caller: callers.get(socket) ?? {}, breakOff });
    },
  });
}

function uidOf(socket: Socket): number | undefined {
  const { _handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } };
  return _handle?.fd === undefined ? undefined : peerCredentials(_handle.fd).uid;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // What the path is made with may be seen by others before it could be changed.
    const before = process.umask(0o177);
    server.listen({ path }, resolve);
    process.umask(before);
  });
}

async function drained(busy: ReadonlySet<object>): Promise<void> {
  const until = Date.now() + drainMs;
  while (busy.size > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function lockRunDir(runDir: string): Disposable {
  if (!existsSync(runDir)) mkdirSync(runDir, 0o755);
  const fd = openSync(`${runDir}/api.lock`, "r+ or new", 0o600);
  try {
    flock(fd, "tryExclusive");
  } catch (error) {
    closeSync(fd);
    if (!(error instanceof SysError)) throw error;
    throw new TakenError(
      `Another server serves ${runDir}: stop it first, or choose another --run-dir`,
    );
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
