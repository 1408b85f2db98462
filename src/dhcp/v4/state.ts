/** What a DHCPv4 client remembers. */

import type { DhcpLease, LeaseOrder } from "../../model/dhcp.ts";
import { object, optional, record, text } from "../../model/parse.ts";
import type { ClientOrder, ClientState, Step } from "../protocol.ts";

/** What an order of DHCPv4 asks for. */
export type V4Wishes = NonNullable<LeaseOrder["v4"]>;

/** RFC 2131 section 4.4, and what lies between an ACK and the use of its address. */
export type Phase =
  | "REBOOTING"
  | "SELECTING"
  | "REQUESTING"
  | "PROBING"
  | "WAITING" // after a refusal or a conflict, before all begins anew
  | "BOUND"
  | "RENEWING"
  | "REBINDING"
  | "RELEASED";

/** All JSON. */
export interface V4State extends ClientState {
  readonly phase: Phase;
  readonly order: ClientOrder<V4Wishes>;
  readonly xid: number;
  /** When the exchange under way began: milliseconds since boot. */
  readonly begunAt: number;
  /** When a message was last sent: a lease runs from then. */
  readonly sentAt: number;
  /** How often the phase's message was sent. */
  readonly tries: number;
  /** Refusals and conflicts since the last lease. */
  readonly setbacks: number;
  /** What a server offered, while it is asked for it. */
  readonly offer?: { readonly address: string; readonly server: string };
  /** What was acknowledged, while others are asked whether they have the address. */
  readonly candidate?: DhcpLease;
}

/** A packet to be sent. */
export type V4Outgoing =
  /** To everybody on the link. */
  | { readonly kind: "frame"; readonly frame: Uint8Array }
  /** The same, and answers of ARP about the address are waited for. */
  | { readonly kind: "probe"; readonly frame: Uint8Array; readonly address: string }
  /** From port 68 to a server's port 67. */
  | {
      readonly kind: "datagram";
      readonly from: string;
      readonly to: string;
      readonly payload: Uint8Array;
    };

export type V4Step = Step<V4State, V4Outgoing>;

const shape = object({ phase: text, order: record, lease: optional(record) });

/** States that a lease was held in, and from which a restarted daemon can go on. */
const lasting: ReadonlySet<string> = new Set<Phase>(["BOUND", "RENEWING", "REBINDING"]);

/** A state that holds a lease, as it was written; undefined for anything else. */
export function parseV4State(value: unknown): V4State | undefined {
  try {
    const { phase, order, lease } = shape(value, "");
    const state = value as V4State;
    const { link, wishes, clientId } = order as unknown as V4State["order"];
    const { ips, times, server, family } = lease as unknown as DhcpLease;
    const numbers = [times.renewAt, times.rebindAt, times.expiresAt];
    const isWhole =
      family === 4 &&
      lasting.has(phase) &&
      /^([0-9a-f]{2})*$/.test(clientId) &&
      /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(link.mac) &&
      [link.netns, link.name, server, ips[0]?.address].every((each) => typeof each === "string") &&
      [wishes.request, wishes.provide].every(Array.isArray) &&
      numbers.every((each) => each === null || Number.isFinite(each)) &&
      Number.isFinite(times.startedAt);
    return isWhole ? state : undefined;
  } catch {
    return undefined;
  }
}
