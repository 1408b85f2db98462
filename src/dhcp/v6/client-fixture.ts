/** For tests: a DHCPv6 client whose clock the test turns. */
import { expect } from "bun:test";
import type { StepContext } from "../protocol.ts";
import { onPacket, onTimer, release, resume, start } from "./machine.ts";
import type { Message, MessageType } from "./message.ts";
import { type Answered, answerTo, messageIn, orderOf, routerFrame } from "./server-fixture.ts";
import { parseV6State, type V6Outgoing, type V6State, type V6Step } from "./state.ts";

export const second = 1000;

/** A client and its clock. */
export class Client {
  now = 1_000_000;
  state!: V6State;
  sent: V6Outgoing[] = [];
  /** The last message that it sent. */
  message!: Message;
  readonly #random: () => number;

  constructor(order = orderOf(), random: () => number = () => 0.5) {
    this.#random = random;
    this.#take(start(order, this.#context));
  }

  get #context(): StepContext {
    return { now: this.now, random: this.#random };
  }

  #take({ state, sends }: V6Step): void {
    // What it remembers is JSON: it goes to the disk.
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    this.state = state;
    this.sent = [...sends];
    const asked = this.sent.find(({ kind }) => kind === "datagram");
    if (asked) this.message = messageIn(asked);
  }

  /** What the client sent last, answered. */
  answer(type: MessageType, more: Partial<Answered> = {}): void {
    this.receive(answerTo(this.message, type, more));
  }

  receive(frame: Uint8Array): void {
    this.#take(onPacket(this.state, frame, this.#context));
  }

  /** Turns the clock to when the client wants to be woken. */
  wake(): this {
    this.now = Math.max(this.now, this.state.wakeAt!);
    this.#take(onTimer(this.state, this.#context));
    return this;
  }

  /** Wakes it until the clock stands there or beyond. */
  wakeUntil(phase: string): this {
    for (let i = 0; i < 100 && this.state.phase !== phase; i++) this.wake();
    expect(this.state.phase).toBe(phase as never);
    return this;
  }

  restart(): this {
    const read = parseV6State(JSON.parse(JSON.stringify(this.state)));
    this.#take(resume(read!, this.#context));
    return this;
  }

  release(): void {
    this.#take(release(this.state, this.#context));
  }

  /** As far as a lease. */
  bind(more: Partial<Answered> = {}): this {
    this.receive(routerFrame());
    this.answer("ADVERTISE", more);
    if (this.state.phase === "SOLICITING") this.wake();
    this.answer("REPLY", more);
    expect(this.state.phase).toBe("PROBING");
    this.wake();
    expect(this.state.stage).toBe("held");
    return this;
  }
}
