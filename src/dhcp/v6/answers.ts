/** What a DHCPv6 server answers. Source: RFC 8415 sections 18.2.9 and 18.2.10. */
import { DecodeError } from "../../lib/bytes.ts";
import type { LeaseTimes } from "../../model/dhcp.ts";
import { identityOf } from "./identity.ts";
import { isUsable } from "./lease.ts";
import { decodeMessage, type MessageType } from "./message.ts";
import { infinity, type Options, readAll, readOption } from "./options.ts";
import type { Binding, Offer, V6State } from "./state.ts";
import { solMaxRt } from "./timing.ts";
import { type Status, statusCodes } from "./values.ts";

/** An address of our IA, in seconds. */
interface AnsweredAddress {
  readonly address: string;
  readonly preferred: number;
  readonly valid: number;
}

/** A server's answer to the question under way. */
export interface Answer {
  readonly type: MessageType;
  /** Its DUID, in hexadecimal digits. */
  readonly server: string;
  /** Anything but success, of the whole or of our addresses. */
  readonly refusal?: Status;
  readonly options: Options;
  readonly t1: number;
  readonly t2: number;
  readonly addresses: readonly AnsweredAddress[];
}

/** A DUID has a type and at most 128 bytes: section 11.1. */
const duidBytes = { least: 3, most: 130 };

/** The server's answer in a frame, if it is one to our question. */
export function answerIn(state: V6State, payload: Uint8Array): Answer | undefined {
  const message = tryDecode(payload);
  if (!message || message.transactionId !== state.transactionId) return undefined;
  const { type, options } = message;
  if (type !== "ADVERTISE" && type !== "REPLY") return undefined;
  const { duid, iaid } = identityOf(state.order);
  if (readOption(options, "clientId")?.toHex() !== duid.toHex()) return undefined;
  const server = readOption(options, "serverId");
  if (!server || server.length < duidBytes.least || server.length > duidBytes.most) {
    return undefined;
  }
  const ia = readAll(options, "iaNa").find((each) => each.iaid === iaid);
  // Section 21.4: an IA whose times are at odds is passed over.
  const own = ia && !(ia.t1 > ia.t2 && ia.t2 > 0) ? ia : undefined;
  const refusal = [options, own?.options ?? []]
    .map((each) => readOption(each, "status"))
    .find((status) => status && status.code !== statusCodes.success);
  return {
    type,
    server: server.toHex(),
    ...(refusal && { refusal }),
    options,
    t1: own?.t1 ?? 0,
    t2: own?.t2 ?? 0,
    addresses: readAll(own?.options ?? [], "iaAddress").filter(
      ({ address, preferred, valid, options: inner }) =>
        isUsable(address) &&
        preferred <= valid &&
        (readOption(inner, "status")?.code ?? statusCodes.success) === statusCodes.success,
    ),
  };
}

function tryDecode(payload: Uint8Array) {
  try {
    return decodeMessage(payload);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Of an answer: the offer it makes. */
export function offerOf({ server, options, addresses }: Answer): Offer | undefined {
  const wanted = addresses.filter(({ valid }) => valid > 0).map(({ address }) => address);
  if (wanted.length === 0) return undefined;
  return { server, preference: readOption(options, "preference") ?? 0, addresses: wanted };
}

/** Of an answer: the longest wait between Solicits that the server allows. */
export function longestSolicitOf({ options }: Answer): number | undefined {
  const seconds = readOption(options, "solMaxRt");
  const isSane = seconds !== undefined && seconds >= solMaxRt.least && seconds <= solMaxRt.most;
  return isSane ? seconds * 1000 : undefined;
}

/** Of an answer: what it gives, from `startedAt` on; only `among` these addresses where named. */
export function bindingOf(
  answer: Answer,
  startedAt: number,
  among?: readonly string[],
): Binding | undefined {
  const given = answer.addresses.filter(
    ({ address, valid }) => valid > 0 && (among?.includes(address) ?? true),
  );
  if (given.length === 0) return undefined;
  const serverAddress = readOption(answer.options, "unicast");
  return {
    server: answer.server,
    ...(serverAddress && isUsable(serverAddress) && { serverAddress }),
    addresses: [...new Set(given.map(({ address }) => address))],
    times: timesOf(answer, given, startedAt),
    dns: {
      nameservers: readAll(answer.options, "nameservers").flat(),
      search: readAll(answer.options, "domainSearch").flat(),
    },
  };
}

/** Section 14.2: what the server leaves to the client is half and four fifths of the preferred. */
function timesOf(
  { t1, t2 }: Answer,
  given: readonly AnsweredAddress[],
  startedAt: number,
): LeaseTimes {
  const valid = Math.max(...given.map((each) => each.valid));
  // An address may be valid and not preferred at all: then what counts is how long it is valid.
  const spans = given.map((each) => each.preferred || each.valid);
  const shortest = Math.min(...spans);
  const rebind = Math.min(t2 || scaled(shortest, 0.8), valid);
  const renew = Math.min(t1 || scaled(shortest, 0.5), rebind);
  const at = (seconds: number) => (seconds === infinity ? null : startedAt + seconds * 1000);
  return { startedAt, renewAt: at(renew), rebindAt: at(rebind), expiresAt: at(valid) };
}

const scaled = (seconds: number, by: number) => (seconds === infinity ? infinity : seconds * by);
