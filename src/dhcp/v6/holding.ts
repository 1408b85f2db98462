/** How a DHCPv6 client keeps its lease, and gives it back. */
import type { StepContext } from "../protocol.ts";
import { type Answer, bindingOf } from "./answers.ts";
import { examine, seek } from "./seeking.ts";
import type { V6State, V6Step } from "./state.ts";
import { ask, begin, bound, ended, quiet, refusal } from "./steps.ts";
import { confirmForMs, retransmissions } from "./timing.ts";
import { statusCodes } from "./values.ts";

/** Asks for more time: the lease's server until T2, then all, until the lease runs out. */
export function renew(state: V6State, context: StepContext): V6Step {
  const { now } = context;
  const { server, serverAddress, addresses } = state.binding!;
  const { rebindAt, expiresAt } = state.lease!.times;
  if (expiresAt !== null && now >= expiresAt) {
    return seek({ ...state, trouble: `no server renewed the lease of ${server}` }, context);
  }
  if (rebindAt !== null && now >= rebindAt) {
    const asking = entered(state, "REBINDING", context);
    return ask(asking, "REBIND", { context, addresses, until: expiresAt });
  }
  const asking = entered(state, "RENEWING", context);
  return ask(asking, "RENEW", { context, server, addresses, to: serverAddress, until: rebindAt });
}

function entered(state: V6State, phase: "RENEWING" | "REBINDING", context: StepContext): V6State {
  return state.phase === phase ? state : begin(state, phase, context);
}

/** A server that knows nothing of the lease is asked to make it: section 18.2.10.1. */
export function restore(state: V6State, context: StepContext): V6Step {
  const { expiresAt } = state.lease!.times;
  const [offer] = state.offers;
  const isOver = expiresAt !== null && context.now >= expiresAt;
  if (!offer || isOver || state.tries >= retransmissions.REQUEST.tries) {
    return renew(state, context);
  }
  const { server, addresses } = offer;
  return ask(state, "REQUEST", { context, server, addresses, until: expiresAt });
}

type OnRefusal = (state: V6State, answer: Answer, context: StepContext) => V6Step;

/** What a refusal to renew leads to; any other is waited out. */
const refusals: Readonly<Record<number, OnRefusal>> = {
  [statusCodes.noBinding]: (state, { server }, context) => {
    if (state.phase === "RESTORING") return quiet(state);
    const { addresses } = state.binding!;
    const offers = [{ server, preference: 0, addresses }];
    return restore({ ...begin(state, "RESTORING", context), offers }, context);
  },
  [statusCodes.useMulticast]: (state, _, context) => {
    const { serverAddress, ...binding } = state.binding!;
    if (serverAddress === undefined) return quiet(state);
    return renew(begin({ ...state, binding }, "RENEWING", context), context);
  },
  [statusCodes.notOnLink]: seekOtherwise,
  [statusCodes.noAddrsAvail]: seekOtherwise,
};

function seekOtherwise(state: V6State, answer: Answer, context: StepContext): V6Step {
  return seek({ ...state, trouble: refusal(answer) }, context);
}

/** Another server than the one that is asked may say nothing; all are asked when rebinding. */
function isAsked({ phase, binding, offers }: V6State, { server }: Answer): boolean {
  if (phase === "REBINDING") return true;
  return server === (phase === "RESTORING" ? offers[0]?.server : binding?.server);
}

export function onRenewal(state: V6State, answer: Answer, context: StepContext): V6Step {
  if (!isAsked(state, answer)) return quiet(state);
  const kept = bindingOf(answer, state.sentAt, state.binding!.addresses);
  if (kept) return bound({ ...state, binding: kept });
  const onRefusal = answer.refusal && refusals[answer.refusal.code];
  if (onRefusal) return onRefusal(state, answer, context);
  const other = bindingOf(answer, state.sentAt);
  if (other) return examine(state, other, context);
  const isTakenBack = answer.addresses.some(
    ({ address, valid }) => valid === 0 && state.binding!.addresses.includes(address),
  );
  const trouble = `server ${answer.server} took the address back`;
  return isTakenBack ? seek({ ...state, trouble }, context) : quiet(state);
}

/** Whether the addresses still belong on this link; silence is no reason to give them up. */
export function confirm(state: V6State, context: StepContext): V6Step {
  const { now } = context;
  const { renewAt } = state.lease!.times;
  if (renewAt !== null && now >= renewAt) return renew(state, context);
  if (now - state.begunAt >= confirmForMs) return bound(state);
  const { addresses } = state.binding!;
  return ask(state, "CONFIRM", { context, addresses, until: renewAt });
}

export function onConfirmation(state: V6State, answer: Answer, context: StepContext): V6Step {
  if (!answer.refusal) return bound(state);
  return answer.refusal.code === statusCodes.notOnLink
    ? seekOtherwise(state, answer, context)
    : quiet(state);
}

/** Tells the server that the addresses are free, until it has heard. */
export function giveBack(state: V6State, context: StepContext): V6Step {
  const { server, serverAddress, addresses } = state.binding!;
  if (state.tries >= retransmissions.RELEASE.tries) return ended(state);
  return ask(state, "RELEASE", { context, server, addresses, to: serverAddress });
}

/** Whatever the server says of it, nothing is left to be said. */
export function onReleaseAnswer(state: V6State, answer: Answer): V6Step {
  return answer.server === state.binding?.server ? ended(state) : quiet(state);
}
