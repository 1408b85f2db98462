/** Cuts off who holds a connection without asking for anything. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** As `Waits` of `listen.ts` says. */
interface Waits {
  readonly beginMs: number;
  readonly idleMs: number;
}

interface State {
  readonly socket: Socket;
  /** Requests under way. */
  busy: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** A session of HTTP/2 hides its socket behind another: the peer's address is the same on both. */
const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

export class Patience {
  readonly #states = new Map<string, State>();
  readonly #waits: Waits;

  constructor(waits: Waits) {
    this.#waits = waits;
  }

  /** Once TLS is established. */
  connected(socket: Socket): void {
    const key = keyOf(socket);
    const state: State = { socket, busy: 0 };
    this.#states.set(key, state);
    this.#cutAfter(state, this.#waits.beginMs);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(state.timer);
      if (this.#states.get(key) === state) this.#states.delete(key);
    });
  }

  /** A request came on it. */
  begun(socket: Socket, response: ServerResponse): void {
    const state = this.#states.get(keyOf(socket));
    if (!state) return;
    state.busy++;
    clearTimeout(state.timer);
    response.once("close", () => {
      state.busy--;
      if (state.busy === 0 && !state.socket.destroyed) this.#cutAfter(state, this.#waits.idleMs);
    });
  }

  /** What is under way is waited for so long, then all connections end. */
  async end(waitMs: number): Promise<void> {
    const until = Date.now() + waitMs;
    while ([...this.#states.values()].some(({ busy }) => busy > 0) && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const { socket } of [...this.#states.values()]) socket.destroy();
  }

  #cutAfter(state: State, ms: number): void {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      if (state.busy === 0) state.socket.destroy();
    }, ms);
  }
}
