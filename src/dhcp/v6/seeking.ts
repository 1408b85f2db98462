/** How a DHCPv6 client comes to a lease: from Solicit to an address that nobody else has. */
import type { StepContext } from "../protocol.ts";
import { type Answer, bindingOf, longestSolicitOf, offerOf } from "./answers.ts";
import { hasRouter } from "./lease.ts";
import { duplicateProbe, type RouterAdvertisement, routerSolicitation } from "./neighbours.ts";
import { readOption } from "./options.ts";
import { wantsRapidCommit } from "./requests.ts";
import type { Binding, Offer, V6State, V6Step } from "./state.ts";
import { ask, begin, bound, quiet, refusal, setback } from "./steps.ts";
import { probing, rebootTries, retransmissions, routerMs, triesWithOthers } from "./timing.ts";
import { statusCodes } from "./values.ts";

const maxOffers = 8;
const maxRouters = 8;
const highestPreference = 255;

/** Begins to look for an address; the one it had before is asked for first. */
export function seek(state: V6State, context: StepContext): V6Step {
  const fresh: V6State = { ...state, stage: "seeking", offers: [] };
  return solicit(begin(fresh, "SOLICITING", context), context);
}

/** Asks again, or takes the best of what was offered. */
export function solicit(state: V6State, context: StepContext): V6Step {
  if (state.offers.length > 0) return choose(state, context);
  const addresses = knownAddresses(state).filter((address) => !state.taken.includes(address));
  return ask(state, "SOLICIT", { context, addresses });
}

function knownAddresses({ binding, order }: V6State): readonly string[] {
  return binding?.addresses ?? (order.keep === undefined ? [] : [order.keep]);
}

export function onAdvertise(state: V6State, answer: Answer, context: StepContext): V6Step {
  const longestSolicitMs = longestSolicitOf(answer) ?? state.longestSolicitMs;
  const heard = { ...state, ...(longestSolicitMs !== undefined && { longestSolicitMs }) };
  const offer = offerOf(answer);
  if (!offer) return quiet({ ...heard, trouble: refusal(answer) });
  const others = state.offers.filter(({ server }) => server !== offer.server);
  const offers = [...others, offer].sort(byWorth(state)).slice(0, maxOffers);
  // Once the first wait is over there is nothing to wait for.
  const isEnough = state.tries > 1 || offer.preference === highestPreference;
  return isEnough ? choose({ ...heard, offers }, context) : quiet({ ...heard, offers });
}

/** The server's preference first, then the addresses that were asked for. */
function byWorth(state: V6State): (a: Offer, b: Offer) => number {
  const known = knownAddresses(state);
  const isKnown = ({ addresses }: Offer) => Number(addresses.some((each) => known.includes(each)));
  return (a, b) => b.preference - a.preference || isKnown(b) - isKnown(a);
}

export function onRapidReply(state: V6State, answer: Answer, context: StepContext): V6Step {
  const isRapid = readOption(answer.options, "rapidCommit") === true;
  if (!isRapid || !wantsRapidCommit(state)) return quiet(state);
  const binding = bindingOf(answer, state.sentAt);
  return binding ? examine(state, binding, context) : quiet({ ...state, trouble: refusal(answer) });
}

/** Asks the server of the best offer. */
function choose(state: V6State, context: StepContext): V6Step {
  return request(begin(state, "REQUESTING", context), context);
}

export function request(state: V6State, context: StepContext): V6Step {
  const [offer, ...others] = state.offers;
  if (!offer) return seek(state, context);
  const limit = others.length > 0 ? triesWithOthers : retransmissions.REQUEST.tries;
  const { server, addresses } = offer;
  if (state.tries < limit) return ask(state, "REQUEST", { context, server, addresses });
  const trouble = `server ${server} offered and fell silent`;
  return choose({ ...state, offers: others, trouble }, context);
}

export function onGrant(state: V6State, answer: Answer, context: StepContext): V6Step {
  const [offer, ...others] = state.offers;
  if (answer.server !== offer?.server) return quiet(state);
  const binding = bindingOf(answer, state.sentAt);
  if (binding) return examine(state, binding, context);
  const refused: V6State = { ...state, trouble: refusal(answer) };
  // The server may do better when it is asked again.
  if (answer.refusal?.code === statusCodes.unspecFail) return quiet(refused);
  return others.length > 0
    ? choose({ ...refused, offers: others }, context)
    : setback(refused, context);
}

/** What a server gave is to become a lease, unless somebody else has it. */
export function examine(state: V6State, binding: Binding, context: StepContext): V6Step {
  const candidate: V6State = {
    ...state,
    stage: "seeking",
    phase: "PROBING",
    listens: true,
    offers: [],
    binding,
    tries: 0,
  };
  return probe(candidate, context);
}

/** Asks whether anybody else has the addresses. */
export function probe(state: V6State, context: StepContext): V6Step {
  const { order, tries, binding } = state;
  const { conflictDetection } = order.wishes;
  if (conflictDetection === "off") return awaitRouter(state, context);
  const { probes, waitMs } = probing[conflictDetection];
  if (tries === probes) return awaitRouter(state, context);
  return {
    state: { ...state, tries: tries + 1, wakeAt: context.now + waitMs },
    sends: binding!.addresses.map((address) => ({
      kind: "probe",
      frame: duplicateProbe(order.link.mac, address),
      address,
    })),
  };
}

/** Somebody else has an address of the binding. */
export function onDuplicate(state: V6State, address: string, context: StepContext): V6Step {
  if (state.phase !== "PROBING" || !state.binding?.addresses.includes(address)) {
    return quiet(state);
  }
  const trouble = `another host has ${address}, which server ${state.binding.server} gave`;
  const taken = [...state.taken, address].slice(-maxOffers);
  return decline(begin({ ...state, taken, trouble }, "DECLINING", context), context);
}

export function decline(state: V6State, context: StepContext): V6Step {
  const { server, addresses } = state.binding!;
  if (state.tries >= retransmissions.DECLINE.tries) return setback(state, context);
  const taken = addresses.filter((address) => state.taken.includes(address));
  return ask(state, "DECLINE", { context, server, addresses: taken });
}

export function onDeclineAnswer(state: V6State, answer: Answer, context: StepContext): V6Step {
  return answer.server === state.binding?.server ? setback(state, context) : quiet(state);
}

/** Whether the address that the link has already may be kept. Nobody knows whose it was. */
export function reboot(state: V6State, context: StepContext): V6Step {
  if (state.tries >= rebootTries) return seek(state, context);
  return ask(state, "REBIND", { context, addresses: knownAddresses(state), pace: "CONFIRM" });
}

/** The address was in use before, by this very link: nobody else can have it. */
export function onRebootAnswer(state: V6State, answer: Answer, context: StepContext): V6Step {
  const binding = bindingOf(answer, state.sentAt, knownAddresses(state));
  if (binding) return awaitRouter({ ...state, binding }, context);
  return answer.refusal?.code === statusCodes.unspecFail
    ? quiet(state)
    : seek({ ...state, trouble: refusal(answer) }, context);
}

/** The addresses are ours; what they lie in and where they lead is the routers' to say. */
export function awaitRouter(state: V6State, { now }: StepContext): V6Step {
  const until = state.routers.solicitedAt + routerMs;
  if (hasRouter(state) || now >= until) return bound(state);
  const frame = routerSolicitation(state.order.link.mac);
  return {
    state: {
      ...state,
      phase: "AWAITING_ROUTER",
      listens: true,
      wakeAt: until,
      trouble: "the server gave an address, but no router told of its network yet",
    },
    sends: [{ kind: "frame", frame }],
  };
}

export function onRouter(state: V6State, told: RouterAdvertisement): V6Step {
  if (state.stage !== "seeking") return quiet(state);
  const { heard, solicitedAt } = state.routers;
  const others = heard.filter(({ router }) => router !== told.router);
  if (others.length >= maxRouters) return quiet(state);
  const next: V6State = { ...state, routers: { solicitedAt, heard: [...others, told] } };
  return state.phase === "AWAITING_ROUTER" && hasRouter(next) ? bound(next) : quiet(next);
}
