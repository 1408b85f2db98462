/** The way from one agent to the control plane, which can be cut. */
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

export class Relay {
  readonly #path: string;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #isDeaf = false;
  #last: string | undefined;

  /** Listens at `path` once it is open. */
  constructor(path: string, target: string) {
    this.#path = path;
    this.#target = target;
  }

  async open(): Promise<void> {
    this.#isDeaf = false;
    this.#last = undefined;
    const server = createServer((near) => this.#join(near, connect(this.#target)));
    await new Promise<void>((resolve) => server.listen(this.#path, resolve));
    this.#server = server;
  }

  /** From a request on that has this text, nothing that the server says arrives. */
  loseAnswersFrom(text: string): void {
    this.#last = text;
  }

  /** Ends what goes through it, too. */
  cut(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    rmSync(this.#path, { force: true });
  }

  #join(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("data", (chunk) => {
        if (this.#last !== undefined && one === near) this.#isDeaf ||= chunk.includes(this.#last);
        if (one === near || !this.#isDeaf) other.write(chunk);
      });
      // Either end may go at any time; then the other goes too.
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
