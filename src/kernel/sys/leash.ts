/** Has the kernel kill a child and its children when we die, however that comes about. */
import { closeSync } from "./files.ts";
import { ownEvents, pipe, SysError, signalEvents } from "./libc.ts";

/**
 * Nobody writes to this pipe, of which the child has the reading end too. Once we are dead its
 * writing end is closed, and that is an event for which the kernel sends the owner of the reading
 * end a signal of our choice. PR_SET_PDEATHSIG would have to be asked for by the child itself,
 * before it becomes another program. Source: fcntl(2), F_SETSIG and F_SETOWN_EX.
 */
export class Leash implements Disposable {
  readonly #writer: number;
  /** To be given to the child as one more open file. */
  readonly end: number;

  /** Throws SysError. */
  constructor() {
    const { reader, writer } = pipe();
    this.end = reader;
    this.#writer = writer;
  }

  /** From now on the child's process group, which is its own, dies with us. Throws SysError. */
  tie(child: number): void {
    try {
      ownEvents(this.end, child);
      signalEvents(this.end, "SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof SysError) || error.code !== "ESRCH") throw error;
    }
  }

  /** What the child has left behind of its own will lives on. */
  [Symbol.dispose](): void {
    signalEvents(this.end, "none");
    closeSync(this.end);
    closeSync(this.#writer);
  }
}
