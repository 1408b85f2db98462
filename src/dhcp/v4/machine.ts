/** The DHCPv4 client: what it does next, and what it sends. Sources: RFC 2131, RFC 5227. */
import { DecodeError } from "../../lib/bytes.ts";
import type { DhcpLease } from "../../model/dhcp.ts";
import type { ClientOrder, StepContext } from "../protocol.ts";
import { arpProbe, readArpFrame, readDhcpFrame } from "./frame.ts";
import { isUnicast, leaseOf } from "./lease.ts";
import { type DhcpMessage, decodeMessage } from "./message.ts";
import { readOption } from "./options.ts";
import { broadcast, clientIdOf, unicast } from "./requests.ts";
import type { Phase, V4Outgoing, V4State, V4Step, V4Wishes } from "./state.ts";
import {
  maxReboots,
  maxRequests,
  probing,
  renewRetryAfter,
  retryAfter,
  waitAfterSetback,
} from "./timing.ts";

/** The first step: an address that the link has already is confirmed, else one is looked for. */
export function start(order: ClientOrder<V4Wishes>, context: StepContext): V4Step {
  const state: V4State = {
    stage: "seeking",
    phase: "SELECTING",
    listens: true,
    order,
    xid: newXid(context),
    begunAt: context.now,
    sentAt: context.now,
    tries: 0,
    setbacks: 0,
  };
  return order.keep === undefined
    ? discover(state, context)
    : reboot({ ...state, phase: "REBOOTING" }, context);
}

/** Times stand in the state, so there is nothing to do but what is due. */
export function resume(state: V4State, context: StepContext): V4Step {
  const { wakeAt } = state;
  return wakeAt !== undefined && wakeAt <= context.now ? onTimer(state, context) : quiet(state);
}

export function onTimer(state: V4State, context: StepContext): V4Step {
  return timers[state.phase](state, context);
}

/** A frame from the link. */
export function onPacket(state: V4State, frame: Uint8Array, context: StepContext): V4Step {
  if (state.phase === "PROBING" && isConflict(state, frame)) return decline(state, context);
  const message = replyTo(state, frame);
  const answer = message && answers[state.phase]?.[message.type];
  return answer ? answer(state, message, context) : quiet(state);
}

export function release(state: V4State, context: StepContext): V4Step {
  const lease = state.candidate ?? (state.stage === "held" ? state.lease : undefined);
  const { lease: _, candidate: __, wakeAt: ___, ...rest } = state;
  const ended: V4State = {
    ...rest,
    stage: "ended",
    phase: "RELEASED",
    listens: false,
    xid: newXid(context),
    begunAt: context.now,
  };
  if (lease === undefined) return quiet(ended);
  const { now } = context;
  const facts = { now, server: lease.server, reason: "The container has gone" };
  const ciaddr = addressOf(lease);
  // Before it is used no packet can leave from it.
  const message = state.candidate
    ? broadcast(ended, "RELEASE", { ...facts, ciaddr })
    : unicast(ended, "RELEASE", { ...facts, ciaddr, to: lease.server });
  return { state: ended, sends: [message] };
}

type OnTimer = (state: V4State, context: StepContext) => V4Step;
type OnAnswer = (state: V4State, message: DhcpMessage, context: StepContext) => V4Step;

const timers: Readonly<Record<Phase, OnTimer>> = {
  REBOOTING: (state, context) =>
    state.tries < maxReboots ? reboot(state, context) : seek(state, context),
  SELECTING: discover,
  REQUESTING: (state, context) =>
    state.tries < maxRequests
      ? request(state, context)
      : seek(
          { ...state, trouble: `server ${state.offer?.server} offered and fell silent` },
          context,
        ),
  PROBING: probe,
  WAITING: seek,
  BOUND: (state, context) => renew({ ...anew(state, context), phase: "RENEWING" }, context),
  RENEWING: renew,
  REBINDING: renew,
  RELEASED: quiet,
};

const answers: Readonly<Partial<Record<Phase, Partial<Record<string, OnAnswer>>>>> = {
  REBOOTING: { ACK: onConfirmation, NAK: seekOtherwise },
  SELECTING: { OFFER: onOffer },
  REQUESTING: { ACK: onAck, NAK: onRefusal },
  RENEWING: { ACK: onRenewal, NAK: onRevocation },
  REBINDING: { ACK: onRenewal, NAK: onRevocation },
};

function quiet(state: V4State): V4Step {
  return { state, sends: [] };
}

function newXid({ random }: StepContext): number {
  return Math.floor(random() * 2 ** 32);
}

/** A new exchange. */
function anew(state: V4State, context: StepContext): V4State {
  return { ...state, xid: newXid(context), begunAt: context.now, tries: 0 };
}

/** Begins to look for an address; the one it had before is asked for first. */
function seek(state: V4State, context: StepContext): V4Step {
  const { offer: _, candidate: __, ...rest } = anew(state, context);
  return discover({ ...rest, stage: "seeking", phase: "SELECTING", listens: true }, context);
}

function discover(state: V4State, context: StepContext): V4Step {
  const requestedIp = state.lease ? addressOf(state.lease) : state.order.keep;
  const isConflicting = state.setbacks > 0;
  return sent(state, context, (now) =>
    broadcast(state, "DISCOVER", {
      now,
      ...(requestedIp && !isConflicting && { requestedIp }),
    }),
  );
}

function request(state: V4State, context: StepContext): V4Step {
  const { address, server } = state.offer!;
  return sent(state, context, (now) =>
    broadcast(state, "REQUEST", { now, requestedIp: address, server }),
  );
}

function reboot(state: V4State, context: StepContext): V4Step {
  const requestedIp = state.order.keep!;
  return sent(state, context, (now) => broadcast(state, "REQUEST", { now, requestedIp }));
}

/** Counts the message and sets the time for the next. */
function sent(
  state: V4State,
  { now, random }: StepContext,
  messageAt: (now: number) => V4Outgoing,
): V4Step {
  const tries = state.tries + 1;
  const wakeAt = now + retryAfter(tries, random, state.order.maxRetryMs);
  return { state: { ...state, tries, wakeAt, sentAt: now }, sends: [messageAt(now)] };
}

/** The server's answer in a frame, if it is one to our question. */
function replyTo(state: V4State, frame: Uint8Array): DhcpMessage | undefined {
  const datagram = readDhcpFrame(frame);
  const message = datagram && tryDecode(datagram.payload);
  if (message?.op !== "reply" || message.xid !== state.xid) return undefined;
  if (message.chaddr !== state.order.link.mac) return undefined;
  // RFC 6842: a server that repeats the client's identifier says whom it means.
  const told = readOption(message.options, "clientId");
  if (told && told.toHex() !== clientIdOf(state.order).toHex()) return undefined;
  const server = readOption(message.options, "serverId");
  return server !== undefined && isUnicast(server) ? message : undefined;
}

function tryDecode(payload: Uint8Array): DhcpMessage | undefined {
  try {
    return decodeMessage(payload);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function serverOf({ options }: DhcpMessage): string {
  return readOption(options, "serverId")!;
}

function addressOf(lease: DhcpLease): string {
  return lease.ips[0]!.address.split("/")[0]!;
}

function onOffer(state: V4State, message: DhcpMessage, context: StepContext): V4Step {
  const server = serverOf(message);
  const lease = leaseOf(message, state.sentAt);
  if (typeof lease === "string") return quiet({ ...state, trouble: `server ${server} ${lease}` });
  const offer = { address: message.yiaddr, server };
  return request({ ...state, phase: "REQUESTING", offer, tries: 0 }, context);
}

function onAck(state: V4State, message: DhcpMessage, context: StepContext): V4Step {
  const { address, server } = state.offer!;
  if (serverOf(message) !== server || message.yiaddr !== address) return quiet(state);
  const lease = leaseOf(message, state.sentAt);
  if (typeof lease === "string") {
    return setback({ ...state, trouble: `server ${server} ${lease}` }, context);
  }
  const detection = state.order.wishes.conflictDetection;
  if (detection === "off") return bound(state, lease);
  const candidate: V4State = { ...state, phase: "PROBING", candidate: lease, tries: 0 };
  const firstMs = probing[detection].firstMs(context.random);
  return firstMs === 0
    ? probe(candidate, context)
    : quiet({ ...candidate, wakeAt: context.now + firstMs });
}

/** The address was in use before, by this very link: nobody else can have it. */
function onConfirmation(state: V4State, message: DhcpMessage): V4Step {
  if (message.yiaddr !== state.order.keep) return quiet(state);
  const lease = leaseOf(message, state.sentAt);
  return typeof lease === "string" ? quiet(state) : bound(state, lease);
}

function seekOtherwise(state: V4State, message: DhcpMessage, context: StepContext): V4Step {
  const trouble = refusal(message);
  return seek({ ...state, trouble }, context);
}

function refusal(message: DhcpMessage): string {
  const reason = readOption(message.options, "message");
  const said = reason ? `: "${reason.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200)}"` : "";
  return `server ${serverOf(message)} refused${said}`;
}

function onRefusal(state: V4State, message: DhcpMessage, context: StepContext): V4Step {
  if (serverOf(message) !== state.offer!.server) return quiet(state);
  return setback({ ...state, trouble: refusal(message) }, context);
}

/** Waits before all begins anew. */
function setback(state: V4State, { now, random }: StepContext): V4Step {
  const { offer: _, candidate: __, ...rest } = state;
  const setbacks = state.setbacks + 1;
  return quiet({
    ...rest,
    phase: "WAITING",
    setbacks,
    wakeAt: now + waitAfterSetback(setbacks, random),
  });
}

function probe(state: V4State, { now, random }: StepContext): V4Step {
  const { candidate, tries } = state;
  const detection = state.order.wishes.conflictDetection;
  if (!candidate || detection === "off") return quiet(state);
  const { probes, spaceMs, settleMs } = probing[detection];
  if (tries === probes) return bound(state, candidate);
  const address = addressOf(candidate);
  const wakeAt = now + (tries + 1 < probes ? spaceMs(random) : settleMs);
  return {
    state: { ...state, tries: tries + 1, wakeAt },
    sends: [{ kind: "probe", frame: arpProbe(state.order.link.mac, address), address }],
  };
}

/** RFC 5227 section 2.1.1: somebody uses the address, or wants to as we do. */
function isConflict({ candidate, order }: V4State, frame: Uint8Array): boolean {
  const arp = readArpFrame(frame);
  if (!arp || !candidate) return false;
  const address = addressOf(candidate);
  const alsoProbes = arp.op === "request" && arp.senderIp === "0.0.0.0" && arp.targetIp === address;
  return arp.senderIp === address || (alsoProbes && arp.senderMac !== order.link.mac);
}

function decline(state: V4State, context: StepContext): V4Step {
  const { candidate } = state;
  const requestedIp = addressOf(candidate!);
  const asked = anew(state, context);
  const message = broadcast(asked, "DECLINE", {
    now: context.now,
    requestedIp,
    server: candidate!.server,
    reason: "Another host answers for the address",
  });
  const trouble = `another host has ${requestedIp}, which server ${candidate!.server} gave`;
  return { ...setback({ ...asked, trouble }, context), sends: [message] };
}

/** The address may be used. */
function bound(state: V4State, lease: DhcpLease): V4Step {
  const { offer: _, candidate: __, trouble: ___, wakeAt: ____, ...rest } = state;
  const { renewAt } = lease.times;
  return quiet({
    ...rest,
    stage: "held",
    phase: "BOUND",
    listens: false,
    tries: 0,
    setbacks: 0,
    lease,
    ...(renewAt !== null && { wakeAt: renewAt }),
  });
}

/** Asks for more time: the lease's server until T2, then all, until the lease runs out. */
function renew(state: V4State, context: StepContext): V4Step {
  const { now } = context;
  const lease = state.lease!;
  const { rebindAt, expiresAt, startedAt } = lease.times;
  if (expiresAt === null || rebindAt === null) return bound(state, lease);
  if (now >= expiresAt) {
    return seek({ ...state, trouble: `no server renewed the lease of ${lease.server}` }, context);
  }
  const phase = now < rebindAt ? "RENEWING" : "REBINDING";
  const next: V4State = { ...state, phase, listens: true, tries: state.tries + 1, sentAt: now };
  const until = phase === "RENEWING" ? rebindAt : expiresAt;
  const ciaddr = addressOf(lease);
  const message =
    phase === "RENEWING"
      ? unicast(next, "REQUEST", { now, ciaddr, to: lease.server })
      : broadcast(next, "REQUEST", { now, ciaddr });
  const waitMs = renewRetryAfter(until - now, expiresAt - startedAt);
  return { state: { ...next, wakeAt: Math.min(now + waitMs, until) }, sends: [message] };
}

function onRenewal(state: V4State, message: DhcpMessage): V4Step {
  if (message.yiaddr !== addressOf(state.lease!)) return quiet(state);
  const lease = leaseOf(message, state.sentAt);
  return typeof lease === "string" ? quiet(state) : bound(state, lease);
}

/** The address may no longer be used. Another server may not say so while ours is asked. */
function onRevocation(state: V4State, message: DhcpMessage, context: StepContext): V4Step {
  const isOurs = serverOf(message) === state.lease!.server;
  if (state.phase === "RENEWING" && !isOurs) return quiet(state);
  return seek({ ...state, trouble: refusal(message) }, context);
}
