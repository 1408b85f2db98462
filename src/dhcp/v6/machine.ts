/** The DHCPv6 client: what it does next, and what it sends. Source: RFC 8415 section 18.2. */
import type { ClientOrder, StepContext } from "../protocol.ts";
import { type Answer, answerIn } from "./answers.ts";
import { readFrame } from "./frame.ts";
import * as holding from "./holding.ts";
import { claimedAddress, readRouterAdvertisement, routerSolicitation } from "./neighbours.ts";
import * as seeking from "./seeking.ts";
import type { Phase, V6State, V6Step, V6Wishes } from "./state.ts";
import { begin, bound, ended, newTransaction, quiet } from "./steps.ts";
import { startDelayMs } from "./timing.ts";

type OnTimer = (state: V6State, context: StepContext) => V6Step;
type OnAnswer = (state: V6State, answer: Answer, context: StepContext) => V6Step;

const timers: Readonly<Record<Phase, OnTimer>> = {
  SOLICITING: seeking.solicit,
  REQUESTING: seeking.request,
  PROBING: seeking.probe,
  AWAITING_ROUTER: bound,
  DECLINING: seeking.decline,
  WAITING: seeking.seek,
  REBOOTING: seeking.reboot,
  BOUND: holding.renew,
  CONFIRMING: holding.confirm,
  RENEWING: holding.renew,
  REBINDING: holding.renew,
  RESTORING: holding.restore,
  RELEASING: holding.giveBack,
  RELEASED: quiet,
};

const answers: Readonly<Partial<Record<Phase, Partial<Record<string, OnAnswer>>>>> = {
  SOLICITING: { ADVERTISE: seeking.onAdvertise, REPLY: seeking.onRapidReply },
  REQUESTING: { REPLY: seeking.onGrant },
  DECLINING: { REPLY: seeking.onDeclineAnswer },
  REBOOTING: { REPLY: seeking.onRebootAnswer },
  CONFIRMING: { REPLY: holding.onConfirmation },
  RENEWING: { REPLY: holding.onRenewal },
  REBINDING: { REPLY: holding.onRenewal },
  RESTORING: { REPLY: holding.onRenewal },
  RELEASING: { REPLY: holding.onReleaseAnswer },
};

/** The first step: an address that the link has already is confirmed, else one is looked for. */
export function start(order: ClientOrder<V6Wishes>, context: StepContext): V6Step {
  const { now } = context;
  const state: V6State = {
    stage: "seeking",
    phase: order.keep === undefined ? "SOLICITING" : "REBOOTING",
    listens: true,
    order,
    transactionId: newTransaction(context),
    begunAt: now,
    sentAt: now,
    tries: 0,
    waitMs: 0,
    setbacks: 0,
    offers: [],
    taken: [],
    routers: { solicitedAt: now, heard: [] },
  };
  const { state: next, sends } = onTimer(state, context);
  const frame = routerSolicitation(order.link.mac);
  return { state: next, sends: [...sends, { kind: "frame", frame }] };
}

/**
 * Goes on as if nothing had been, but for a question whether the addresses are still right for the
 * link: the time that nobody looked may be one in which a network was changed.
 */
export function resume(state: V6State, context: StepContext): V6Step {
  const { now, random } = context;
  const confirming = begin(state, "CONFIRMING", context);
  const { renewAt } = state.lease!.times;
  if (renewAt !== null && now >= renewAt) return holding.renew(confirming, context);
  return quiet({ ...confirming, wakeAt: now + startDelayMs * random() });
}

export function onTimer(state: V6State, context: StepContext): V6Step {
  return timers[state.phase](state, context);
}

/** A frame from the link. */
export function onPacket(state: V6State, frame: Uint8Array, context: StepContext): V6Step {
  const received = readFrame(frame);
  if (received?.kind === "datagram") {
    const answer = answerIn(state, received.payload);
    const onAnswer = answer && answers[state.phase]?.[answer.type];
    return onAnswer ? onAnswer(state, answer, context) : quiet(state);
  }
  if (!received) return quiet(state);
  const claimed = claimedAddress(received, state.order.link.mac);
  if (claimed !== undefined) return seeking.onDuplicate(state, claimed, context);
  const told = readRouterAdvertisement(received);
  return told ? seeking.onRouter(state, told) : quiet(state);
}

/** While a conflict is being looked for the address is ours to give back already. */
const candidate: ReadonlySet<Phase> = new Set<Phase>(["PROBING", "AWAITING_ROUTER"]);

/** Gives the lease back. It ends when the server has heard, or has been told four times. */
export function release(state: V6State, context: StepContext): V6Step {
  if (state.phase === "RELEASING" || state.stage === "ended") return quiet(state);
  const isGiven = state.stage === "held" || candidate.has(state.phase);
  if (!isGiven || state.binding === undefined) return ended(state);
  return holding.giveBack(begin(state, "RELEASING", context), context);
}
