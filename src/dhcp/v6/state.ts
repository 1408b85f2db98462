/** What a DHCPv6 client remembers. */
import type { DhcpLease, LeaseOrder } from "../../model/dhcp.ts";
import { object, record, text } from "../../model/parse.ts";
import type { ClientOrder, ClientState, Step } from "../protocol.ts";
import type { RouterAdvertisement } from "./neighbours.ts";

/** What an order of DHCPv6 asks for. */
export type V6Wishes = NonNullable<LeaseOrder["v6"]>;

/** RFC 8415 section 18.2 by its messages, and what lies between a Reply and the use of it. */
export type Phase =
  | "SOLICITING"
  | "REQUESTING"
  | "PROBING"
  | "AWAITING_ROUTER"
  | "DECLINING"
  | "WAITING" // after a refusal or a conflict, before all begins anew
  | "REBOOTING" // asks whether an address that the link has may be kept
  | "BOUND"
  | "CONFIRMING"
  | "RENEWING"
  | "REBINDING"
  | "RESTORING" // a server that knows no such lease is asked to make it again
  | "RELEASING"
  | "RELEASED";

/** What a server would give. */
export interface Offer {
  /** The server's DUID, in hexadecimal digits. */
  readonly server: string;
  readonly preference: number;
  readonly addresses: readonly string[];
}

/** What a server gave. */
export interface Binding {
  readonly server: string;
  /** Where the server allows to be asked by unicast. */
  readonly serverAddress?: string;
  readonly addresses: readonly string[];
  readonly times: DhcpLease["times"];
  readonly dns: DhcpLease["dns"];
}

/** What is known of the link's routers. */
export interface Routers {
  readonly solicitedAt: number;
  readonly heard: readonly RouterAdvertisement[];
}

/** All JSON. */
export interface V6State extends ClientState {
  readonly phase: Phase;
  readonly order: ClientOrder<V6Wishes>;
  readonly transactionId: number;
  /** When the exchange under way began: milliseconds since boot. */
  readonly begunAt: number;
  /** When a message was last sent: a lease runs from then. */
  readonly sentAt: number;
  /** How often the phase's message was sent. */
  readonly tries: number;
  /** After how long the phase's last message counted as lost. */
  readonly waitMs: number;
  /** Refusals and conflicts since the last lease. */
  readonly setbacks: number;
  /** The longest wait between two Solicits, where a server set it. */
  readonly longestSolicitMs?: number;
  /** The best first; that one is asked. */
  readonly offers: readonly Offer[];
  /** What the lease is made of; while seeking, what is to become one or what the last was. */
  readonly binding?: Binding;
  /** Addresses that another host has. */
  readonly taken: readonly string[];
  readonly routers: Routers;
}

/** A packet to be sent. */
export type V6Outgoing =
  /** From port 546 to a server's or all servers' port 547. */
  | { readonly kind: "datagram"; readonly to: string; readonly payload: Uint8Array }
  /** To everybody on the link. */
  | { readonly kind: "frame"; readonly frame: Uint8Array }
  /** The same, and what others say of the address is waited for. */
  | { readonly kind: "probe"; readonly frame: Uint8Array; readonly address: string };

export type V6Step = Step<V6State, V6Outgoing>;

const shape = object({ phase: text, order: record, lease: record, binding: record });

/** States that a lease was held in, and from which a restarted daemon can go on. */
const lasting: ReadonlySet<string> = new Set<Phase>([
  "BOUND",
  "CONFIRMING",
  "RENEWING",
  "REBINDING",
  "RESTORING",
]);

/** A state that holds a lease, as it was written; undefined for anything else. */
export function parseV6State(value: unknown): V6State | undefined {
  try {
    const { phase, order, lease, binding } = shape(value, "");
    const state = value as V6State;
    const { link, wishes, clientId } = order as unknown as V6State["order"];
    const { ips, times, server, family } = lease as unknown as DhcpLease;
    const numbers = [times.renewAt, times.rebindAt, times.expiresAt];
    const isText = (each: unknown) => typeof each === "string";
    const texts = [link.netns, link.name, server, ips[0]?.address, binding.server];
    const isWhole =
      family === 6 &&
      lasting.has(phase) &&
      /^([0-9a-f]{2})*$/.test(clientId) &&
      /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(link.mac) &&
      texts.every(isText) &&
      [wishes.request, wishes.provide, state.routers.heard].every(Array.isArray) &&
      (binding.addresses as unknown[]).every(isText) &&
      numbers.every((each) => each === null || Number.isFinite(each)) &&
      Number.isFinite(times.startedAt);
    return isWhole ? state : undefined;
  } catch {
    return undefined;
  }
}
