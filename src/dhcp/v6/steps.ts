/** What the DHCPv6 client's steps are made of. */
import type { StepContext } from "../protocol.ts";
import type { Answer } from "./answers.ts";
import { leaseOf } from "./lease.ts";
import { type Facts, question } from "./requests.ts";
import type { Phase, V6State, V6Step } from "./state.ts";
import { type Question, waitAfter, waitAfterSetback } from "./timing.ts";
import { statusCodes } from "./values.ts";

export function quiet(state: V6State): V6Step {
  return { state, sends: [] };
}

export function newTransaction({ random }: StepContext): number {
  return Math.floor(random() * 2 ** 24);
}

/** A new exchange. */
export function begin(state: V6State, phase: Phase, context: StepContext): V6State {
  const transactionId = newTransaction(context);
  return {
    ...state,
    phase,
    listens: true,
    transactionId,
    begunAt: context.now,
    tries: 0,
    waitMs: 0,
  };
}

interface Asked extends Omit<Facts, "now"> {
  readonly context: StepContext;
  /** One server's address; all servers where there is none. */
  readonly to?: string | undefined;
  /** Times are those of this message. */
  readonly pace?: Question;
  /** Wakes no later. */
  readonly until?: number | null | undefined;
}

/** Sends a message and sets the time for the next. */
export function ask(state: V6State, type: Question, asked: Asked): V6Step {
  const { context, pace = type, until, ...facts } = asked;
  const { now, random } = context;
  const isSeeking = type === "SOLICIT" || type === "REQUEST";
  const told = type === "SOLICIT" ? state.longestSolicitMs : undefined;
  const longestMs = isSeeking ? (told ?? state.order.maxRetryMs) : undefined;
  const waitMs = waitAfter(pace, state.waitMs, { random, longestMs });
  const wakeAt = Math.min(now + waitMs, until ?? Number.POSITIVE_INFINITY);
  return {
    state: { ...state, tries: state.tries + 1, waitMs, sentAt: now, wakeAt },
    sends: [question(state, type, { ...facts, now })],
  };
}

/** What a server that gave nothing said, for people. */
export function refusal({ server, refusal }: Answer): string {
  if (!refusal) return `server ${server} gave no address`;
  const names = Object.entries(statusCodes);
  const name = names.find(([, code]) => code === refusal.code)?.[0] ?? `status ${refusal.code}`;
  const said = refusal.message.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);
  return `server ${server} refused: ${name}${said && `, "${said}"`}`;
}

/** Waits before all begins anew. */
export function setback(state: V6State, { now, random }: StepContext): V6Step {
  const setbacks = state.setbacks + 1;
  const wakeAt = now + waitAfterSetback(setbacks, random);
  return quiet({
    ...state,
    stage: "seeking",
    phase: "WAITING",
    listens: true,
    offers: [],
    setbacks,
    wakeAt,
  });
}

/** The addresses may be used. */
export function bound(state: V6State): V6Step {
  const { trouble: _, wakeAt: __, ...rest } = state;
  const lease = leaseOf(state, state.binding!);
  const { renewAt } = lease.times;
  return quiet({
    ...rest,
    stage: "held",
    phase: "BOUND",
    listens: false,
    tries: 0,
    waitMs: 0,
    setbacks: 0,
    offers: [],
    taken: [],
    lease,
    ...(renewAt !== null && { wakeAt: renewAt }),
  });
}

/** Nothing comes after. */
export function ended(state: V6State): V6Step {
  const { lease: _, wakeAt: __, binding: ___, ...rest } = state;
  return quiet({ ...rest, stage: "ended", phase: "RELEASED", listens: false });
}
