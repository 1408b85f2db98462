/** The messages that a client sends. Source: RFC 2131 section 4.4.1, table 5. */
import { dhcpFrame } from "./frame.ts";
import { encodeMessage } from "./message.ts";
import { type MessageType, type Options, optionBytes, optionTable } from "./options.ts";
import type { V4Outgoing, V4State } from "./state.ts";

const noAddress = "0.0.0.0";
/** As the reference plugin. */
const maxMessageBytes = 1500;
/** What the reference plugin's library asks for when its configuration asks for nothing. */
const requestIfNone = [1, 3, 15, 6];

/** Where the client stands. */
interface Facts {
  readonly now: number;
  readonly ciaddr?: string;
  readonly requestedIp?: string;
  readonly server?: string;
  /** Why, for DECLINE and RELEASE, which ask for nothing. */
  readonly reason?: string;
}

/** To all servers. */
export function broadcast(state: V4State, type: MessageType, facts: Facts): V4Outgoing {
  const payload = message(state, type, facts);
  return { kind: "frame", frame: dhcpFrame(state.order.link.mac, payload) };
}

/** To the server of the lease, from the address that it gave. */
export function unicast(
  state: V4State,
  type: MessageType,
  facts: Facts & { readonly ciaddr: string; readonly to: string },
): V4Outgoing {
  return {
    kind: "datagram",
    from: facts.ciaddr,
    to: facts.to,
    payload: message(state, type, facts),
  };
}

function message(state: V4State, type: MessageType, facts: Facts): Uint8Array {
  const { order, xid, begunAt } = state;
  return encodeMessage({
    op: "request",
    type,
    xid,
    secs: Math.max(0, Math.floor((facts.now - begunAt) / 1000)),
    // Who has an address hears answers to it.
    broadcast: order.broadcast === true && facts.ciaddr === undefined,
    ciaddr: facts.ciaddr ?? noAddress,
    yiaddr: noAddress,
    giaddr: noAddress,
    chaddr: order.link.mac,
    options: optionsOf(state, facts),
  });
}

function optionsOf({ order }: V4State, facts: Facts): Options {
  const { clientId, wishes } = order;
  const options = new Map<number, Uint8Array>();
  const set = ([code, value]: [number, Uint8Array]) => options.set(code, value);
  set(optionBytes("clientId", clientIdOf({ clientId, wishes })));
  if (facts.requestedIp !== undefined) set(optionBytes("requestedIp", facts.requestedIp));
  if (facts.server !== undefined) set(optionBytes("serverId", facts.server));
  if (facts.reason !== undefined) {
    set(optionBytes("message", facts.reason));
    return options;
  }
  set(optionBytes("maxMessageBytes", maxMessageBytes));
  for (const { code, value } of wishes.provide) options.set(code, Uint8Array.fromHex(value));
  const request = wishes.request.length > 0 ? wishes.request : requestIfNone;
  set(optionBytes("requestList", Uint8Array.from(request)));
  return options;
}

/** What the configuration provides as option 61 stands for the client in every message. */
export function clientIdOf({
  clientId,
  wishes,
}: Pick<V4State["order"], "clientId" | "wishes">): Uint8Array {
  const [code] = optionTable.clientId;
  const provided = wishes.provide.findLast((option) => option.code === code);
  return Uint8Array.fromHex(provided?.value ?? clientId);
}
