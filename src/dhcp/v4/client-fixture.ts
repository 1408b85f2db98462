/** For tests: a DHCPv4 client whose clock the test turns. */
import { expect } from "bun:test";
import type { StepContext } from "../protocol.ts";
import { onPacket, onTimer, release, resume, start } from "./machine.ts";
import type { DhcpMessage } from "./message.ts";
import type { MessageType } from "./options.ts";
import { answerTo, messageIn, orderOf, usualAnswer } from "./server-fixture.ts";
import { parseV4State, type V4Outgoing, type V4State, type V4Step } from "./state.ts";

/** A client and its clock. */
export class Client {
  now = 1_000_000;
  state!: V4State;
  sent: V4Outgoing[] = [];
  readonly #random: () => number;

  constructor(order = orderOf(), random: () => number = () => 0.5) {
    this.#random = random;
    this.#take(start(order, this.#context));
  }

  get #context(): StepContext {
    return { now: this.now, random: this.#random };
  }

  #take({ state, sends }: V4Step): void {
    // What it remembers is JSON: it goes to the disk.
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    this.state = state;
    this.sent = [...sends];
  }

  get message(): DhcpMessage {
    return messageIn(this.sent[0]);
  }

  /** What the client sent, answered. */
  answer(type: MessageType, more: Parameters<typeof answerTo>[2] = {}): void {
    const question = { ...this.message, xid: this.state.xid };
    this.receive(answerTo(question, type, more));
  }

  receive(frame: Uint8Array): void {
    this.#take(onPacket(this.state, frame, this.#context));
  }

  /** Turns the clock to when the client wants to be woken. */
  wake(): void {
    this.now = this.state.wakeAt!;
    this.#take(onTimer(this.state, this.#context));
  }

  restart(): void {
    const read = parseV4State(JSON.parse(JSON.stringify(this.state)));
    this.#take(resume(read!, this.#context));
  }

  release(): void {
    this.#take(release(this.state, this.#context));
  }

  /** As far as a lease. */
  bind(more: Parameters<typeof answerTo>[2] = {}): this {
    this.answer("OFFER", more);
    this.answer("ACK", more);
    expect(this.state.stage).toBe("held");
    return this;
  }
}

export const second = 1000;
export const otherServer = { ...usualAnswer, serverId: "10.0.0.2" };
