/** A client at work: its state machine, its sockets and its timer together. */
import type { ClientState, Protocol, Step, StepContext, Transport } from "../protocol.ts";

/** Any protocol. What passes between its parts is its own. */
export type AnyProtocol = Protocol<any, any, any, any>;

/** What a client runs in. */
export interface ClientWorld {
  /** Milliseconds since boot. */
  readonly now: () => number;
  readonly random: () => number;
}

/** What its owner is told. */
export interface ClientEvents {
  /** After each step. */
  changed(before: ClientState | undefined, after: ClientState): void;
  /** A packet could not be sent, or no socket opened: the link may be gone. */
  failed(error: Error): void;
}

/** Timers don't count while the host is suspended: so they ask what time it is now and then. */
const longestSleepMs = 60_000;

/** Long enough for a second message. */
const releasePatienceMs = 1500;
const releasePauseMs = 5;

export class Client implements Disposable {
  readonly #protocol: AnyProtocol;
  readonly #world: ClientWorld;
  readonly #events: ClientEvents;
  readonly #link: Parameters<AnyProtocol["open"]>[0];
  #state: ClientState | undefined;
  #transport: Transport<any> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;

  constructor(
    protocol: AnyProtocol,
    link: Parameters<AnyProtocol["open"]>[0],
    { world, events }: { readonly world: ClientWorld; readonly events: ClientEvents },
  ) {
    this.#protocol = protocol;
    this.#link = link;
    this.#world = world;
    this.#events = events;
  }

  get state(): ClientState | undefined {
    return this.#state;
  }

  /** Asks for a lease. */
  start(order: Parameters<AnyProtocol["start"]>[0]): void {
    this.#take(this.#protocol.start(order, this.#context));
  }

  /** Goes on with a state from the disk. */
  resume(state: ClientState): void {
    this.#state = state;
    this.#take(this.#protocol.resume(state, this.#context));
  }

  /**
   * Gives the lease back. Ends once that has left the host, and where a server answers to it, once
   * it did; a silent one is waited for as long as whoever takes the container away may be.
   */
  async release(): Promise<void> {
    if (!this.#state || this.#disposed) return;
    const { state, sends } = this.#protocol.release(this.#state, this.#context);
    this.#send(sends, true);
    this.#become(state);
    this.#sleep();
    await this.#transport?.flush?.();
    const end = this.#world.now() + releasePatienceMs;
    while (this.#state.stage !== "ended" && this.#transport && this.#world.now() < end) {
      await Bun.sleep(releasePauseMs);
    }
    this[Symbol.dispose]();
  }

  /** Ends it without a word to anybody. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#close();
  }

  get #context(): StepContext {
    const { now, random } = this.#world;
    return { now: now(), random };
  }

  #take({ state, sends }: Step<ClientState, unknown>): void {
    if (this.#disposed) return;
    // Open before it sends: an answer may come at once.
    this.#send(sends, state.listens || sends.length > 0);
    this.#become(state);
    if (!state.listens) this.#close();
    this.#sleep();
  }

  #become(state: ClientState): void {
    const before = this.#state;
    this.#state = state;
    this.#events.changed(before, state);
  }

  #send(packets: readonly unknown[], open: boolean): void {
    try {
      if (open) this.#transport ??= this.#protocol.open(this.#link, (packet) => this.#hear(packet));
      for (const packet of packets) this.#transport?.send(packet);
    } catch (error) {
      // A socket of a link that went down may be of no use any more.
      this.#close();
      this.#events.failed(error as Error);
    }
  }

  #hear(packet: unknown): void {
    if (this.#state && !this.#disposed) {
      this.#take(this.#protocol.onPacket(this.#state, packet, this.#context));
    }
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const wakeAt = this.#state?.wakeAt;
    if (wakeAt === undefined || this.#disposed) return;
    const leftMs = Math.max(0, wakeAt - this.#world.now());
    this.#timer = setTimeout(() => this.#wake(), Math.min(leftMs, longestSleepMs));
  }

  #wake(): void {
    const { wakeAt } = this.#state!;
    const context = this.#context;
    if (wakeAt !== undefined && wakeAt <= context.now) {
      this.#take(this.#protocol.onTimer(this.#state!, context));
    } else this.#sleep();
  }

  #close(): void {
    this.#transport?.[Symbol.dispose]();
    this.#transport = undefined;
  }
}
