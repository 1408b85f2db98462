/**
 * A link's guard: a table of its own in the link's namespace, which sees every frame that leaves by
 * the link, those of packet sockets too. Messages of our own, for libnftables would cost more than
 * all the rest of an attachment. Source: include/uapi/linux/netfilter/nf_tables.h.
 */
import { Writer } from "../../lib/bytes.ts";
import { attrs, type Codec, u32be } from "../netlink/codec.ts";
import { NetlinkError } from "../netlink/error.ts";
import { nlmF, type Request, request } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { NftError } from "./error.ts";
import {
  type GuardMatch,
  type GuardRule,
  type GuardSpec,
  guardChain,
  guardRules,
} from "./link-guard-rules.ts";
import { deleteTable, listRules, readRuleComment } from "./objects.ts";
import { transact } from "./transaction.ts";
import {
  chainLayout,
  comment,
  dataAttrs,
  familyNumber,
  nftMsg,
  ruleLayout,
  tableLayout,
  verdictCode,
} from "./wire.ts";

/** Which guard: its table's name, and the link. */
export interface Guard extends GuardSpec {
  readonly table: string;
  readonly device: string;
}

const family = "netdev";
const header = { family: familyNumber[family] };
const egressHook = 1;
const acceptPolicy = 1;
const register = { verdict: 0, first: 1 } as const;
const base = { link: 0, network: 1, transport: 2 } as const;
const metaKey = { protocol: 1, l4proto: 16 } as const;
const operation = { equal: 0, notEqual: 1 } as const;

const payloadData = attrs({
  register: [1, u32be],
  base: [2, u32be],
  offset: [3, u32be],
  length: [4, u32be],
});
const metaData = attrs({ register: [1, u32be], key: [2, u32be] });
const compareData = attrs({
  register: [1, u32be],
  operation: [2, u32be],
  data: [3, attrs(dataAttrs)],
});
const immediateData = attrs({ register: [1, u32be], data: [2, attrs(dataAttrs)] });

/** What a kernel answers that lacks the table's family or the chain's place. */
const unsupported = ["ENOENT", "EOPNOTSUPP", "EAFNOSUPPORT", "EPROTONOSUPPORT", "EINVAL"];

interface Expression {
  readonly name: string;
  readonly data: Uint8Array;
}

function expression<T>(name: string, codec: Codec<T>, value: T): Expression {
  const out = new Writer(64);
  codec.write(out, value);
  return { name, data: out.bytes };
}

function matchExpressions({ at, not, value }: GuardMatch): Expression[] {
  const load =
    typeof at === "string"
      ? expression("meta", metaData, { register: register.first, key: metaKey[at] })
      : expression("payload", payloadData, {
          register: register.first,
          base: base[at[0]],
          offset: at[1],
          length: value.length,
        });
  const compare = expression("cmp", compareData, {
    register: register.first,
    operation: not ? operation.notEqual : operation.equal,
    data: { value },
  });
  return [load, compare];
}

function verdictExpression(verdict: GuardRule["verdict"]): Expression {
  const given =
    typeof verdict === "string"
      ? { code: verdictCode[verdict] }
      : { code: verdictCode.goto, chain: verdict.goto };
  return expression("immediate", immediateData, {
    register: register.verdict,
    data: { verdict: given },
  });
}

const messageOf = (op: string, type: number, flags: number) => ({ op, type, flags });

/** The whole guard in place of whatever has its table's name. */
export function installGuard(socket: NetlinkSocket, guard: Guard): void {
  const { table, device } = guard;
  const op = `guard link "${device}"`;
  const rules = guardRules(guard);
  const marks = marksOf(guard, rules);
  const chains = [...new Set(rules.map(({ chain }) => chain))];
  const newTable = request(messageOf(op, nftMsg.newTable, nlmF.create), tableLayout, {
    header,
    attrs: { name: table },
  });
  const newChain = (name: string): Request =>
    request(messageOf(op, nftMsg.newChain, nlmF.create), chainLayout, {
      header,
      attrs: name === guardChain ? { table, name, ...hookedTo(device) } : { table, name },
    });
  const newRule = (rule: GuardRule, i: number): Request =>
    request(messageOf(op, nftMsg.newRule, nlmF.create | nlmF.append), ruleLayout, {
      header,
      attrs: {
        table,
        chain: rule.chain,
        expressions: [...rule.matches.flatMap(matchExpressions), verdictExpression(rule.verdict)],
        userdata: expression("", comment, marks[i]!).data,
      },
    });
  // Made so that it can be deleted in any case: then it is empty.
  const fresh = [newTable, deleteTable({ family, name: table }), newTable];
  transact(socket, [...fresh, ...chains.map(newChain), ...rules.map(newRule)]);
}

const hookedTo = (device: string) => ({
  hook: { number: egressHook, priority: 0, device },
  policy: acceptPolicy,
  type: "filter",
});

/** As in `spec.ts`: by them a look tells a guard that is whole from any other. */
function marksOf(guard: Guard, rules: readonly GuardRule[]): string[] {
  const specification = JSON.stringify([guard.device, ...rules].map(legible));
  const hash = Bun.hash.xxHash64(specification).toString(16);
  return rules.map((_, i) => `netloom ${hash} ${i}`);
}

const legible = (part: string | GuardRule) =>
  typeof part === "string"
    ? part
    : [
        part.chain,
        part.matches.map(({ at, not, value }) => [at, not, value.toHex()]),
        part.verdict,
      ];

/** Whether the guard is there with all its rules, and no others. */
export function isGuardWhole(socket: NetlinkSocket, guard: Guard): boolean {
  const rules = guardRules(guard);
  const wanted = marksOf(guard, rules).sort();
  const found = commentsOf(socket, guard.table).sort();
  return found.length === wanted.length && found.every((mark, i) => mark === wanted[i]);
}

function commentsOf(socket: NetlinkSocket, table: string): string[] {
  try {
    const messages = socket.dump(listRules({ family, name: table }));
    return messages.map((message) => readRuleComment(message).comment ?? "");
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    // A kernel without nftables, or without tables of this family, has no guard.
    if (unsupported.includes(error.code)) return [];
    throw NftError.fromNetlink(error);
  }
}

/** Whether this kernel has no such guards at all: no nftables, or none on the way out (5.16). */
export function isUnsupported(error: unknown): boolean {
  return error instanceof NftError && unsupported.includes(error.code);
}

/** Takes the guard away; one that is not there is away. */
export function removeGuard(socket: NetlinkSocket, table: string): void {
  transact(socket, [deleteTable({ family, name: table })]);
}
