/** The messages that a DHCPv6 client sends. Source: RFC 8415 section 18.2. */
import { identityOf } from "./identity.ts";
import { encodeMessage } from "./message.ts";
import { type Options, option, optionTable } from "./options.ts";
import type { V6Outgoing, V6State } from "./state.ts";
import type { Question } from "./timing.ts";

/** All servers and relays on the link. */
export const allServers = "ff02::1:2";

/** What a message tells beside what the state does. */
export interface Facts {
  readonly now: number;
  /** The server that is meant, by its DUID. */
  readonly server?: string;
  /** Addresses that are wished for, held, declined or given back. */
  readonly addresses: readonly string[];
}

type Part = (state: V6State, facts: Facts) => Options;

const clientId: Part = ({ order }) => [option("clientId", identityOf(order).duid)];

const serverId: Part = (_, { server }) =>
  server === undefined ? [] : [option("serverId", Uint8Array.fromHex(server))];

/** Times are the server's to say: zeros leave them to it. */
const addresses: Part = ({ order }, facts) => [
  option("iaNa", {
    iaid: identityOf(order).iaid,
    t1: 0,
    t2: 0,
    options: facts.addresses.map((address) =>
      option("iaAddress", { address, preferred: 0, valid: 0, options: [] }),
    ),
  }),
];

const elapsedTime: Part = ({ begunAt }, { now }) => [
  option("elapsedTime", Math.min(Math.floor((now - begunAt) / 10), 0xffff)),
];

const [rapidCommitCode] = optionTable.rapidCommit;
const [fqdnCode] = optionTable.clientFqdn;

/** What a client must ask for whatever the user wishes: sections 18.2.1 and 21.24, RFC 4704. */
const optionRequest: Part = ({ order: { wishes } }) => {
  const isNamed = wishes.provide.some(({ code }) => code === fqdnCode);
  const always = [optionTable.solMaxRt[0], ...(isNamed ? [fqdnCode] : [])];
  return [option("optionRequest", [...new Set([...wishes.request, ...always])])];
};

const provided: Part = ({ order: { wishes } }) =>
  wishes.provide
    .filter(({ code }) => code !== rapidCommitCode)
    .map(({ code, value }) => [code, Uint8Array.fromHex(value)]);

/** Whether the user wants two messages instead of four, which all servers then give leases for. */
export function wantsRapidCommit({ order }: V6State): boolean {
  return order.wishes.provide.some(({ code }) => code === rapidCommitCode);
}

const rapidCommit: Part = (state) => (wantsRapidCommit(state) ? [option("rapidCommit", true)] : []);

const parts: Readonly<Record<Question, readonly Part[]>> = {
  SOLICIT: [clientId, addresses, elapsedTime, optionRequest, rapidCommit, provided],
  REQUEST: [clientId, serverId, addresses, elapsedTime, optionRequest, provided],
  CONFIRM: [clientId, addresses, elapsedTime],
  RENEW: [clientId, serverId, addresses, elapsedTime, optionRequest, provided],
  REBIND: [clientId, addresses, elapsedTime, optionRequest, provided],
  RELEASE: [clientId, serverId, addresses, elapsedTime],
  DECLINE: [clientId, serverId, addresses, elapsedTime],
};

/** A message to all servers; to one alone where it allows that. */
export function question(
  state: V6State,
  type: Question,
  { to = allServers, ...facts }: Facts & { readonly to?: string },
): V6Outgoing {
  const options = parts[type].flatMap((part) => part(state, facts));
  const { transactionId } = state;
  return { kind: "datagram", to, payload: encodeMessage({ type, transactionId, options }) };
}
