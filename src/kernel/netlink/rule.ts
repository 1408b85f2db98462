/** Policy routing rules. Source: include/uapi/linux/fib_rules.h. */
import { type FixedCodec, ip, oneOf, string, struct, u8, u16, u32, type Value } from "./codec.ts";
import { decode, layout, type Message, nlmF, type Request, request } from "./message.ts";
import { addressFamily, mainTable, netloomProtocol, rtm, splitPrefix } from "./rtm.ts";
import type { NetlinkSocket } from "./socket.ts";

const ruleAction = oneOf(
  { unspec: 0, lookup: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 },
  u8,
);

/** FIB_RULE_ bits. */
const ruleFlag = { invert: 0x02 } as const;

/** Numbers from `first` to `last`, both included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

function range(bound: FixedCodec<number>): FixedCodec<NumberRange> {
  return struct({ first: bound, last: bound });
}

export const ruleLayout = layout(
  struct({
    family: u8,
    dstLength: u8,
    srcLength: u8,
    tos: u8,
    table: u8,
    reserved1: u8,
    reserved2: u8,
    action: ruleAction,
    flags: u32,
  }),
  {
    dst: [1, ip],
    src: [2, ip],
    iif: [3, string],
    goto: [4, u32],
    priority: [6, u32],
    mark: [10, u32],
    suppressGroup: [13, u32],
    suppressPrefixLength: [14, u32],
    table: [15, u32],
    mask: [16, u32],
    oif: [17, string],
    l3mdev: [19, u8],
    uids: [20, range(u32)],
    protocol: [21, u8],
    l4Protocol: [22, u8],
    sourcePorts: [23, range(u16)],
    destinationPorts: [24, range(u16)],
  },
);

/** A rule: packets that match all of its fields look into its table. */
export interface NewRule {
  /** Addresses with prefix lengths. */
  readonly src?: string;
  readonly dst?: string;
  /** 2 (IPv4) or 10 (IPv6); needed where neither `src` nor `dst` tells. */
  readonly family: number;
  /** Lower ones are asked first; ours are 10800 to 10899. Absent: one before all but the first. */
  readonly priority?: number;
  /** Names of links. */
  readonly iif?: string;
  readonly oif?: string;
  readonly mark?: number;
  /** Which bits of the mark count; absent: all. */
  readonly mask?: number;
  /** Absent: `lookup`. */
  readonly action?: Value<typeof ruleAction>;
  /** Absent: 254, the main table; only with `lookup`. */
  readonly table?: number;
  /** The priority to go on from; only with `goto`. */
  readonly goto?: number;
  /** Match what does not match. */
  readonly invert?: boolean;
  /** Take no route with a prefix of this length or shorter: 0 skips default routes. */
  readonly suppressPrefixLength?: number;
  /** IANA number: 6 TCP, 17 UDP. */
  readonly l4Protocol?: number;
  readonly sourcePorts?: NumberRange;
  readonly destinationPorts?: NumberRange;
  readonly uids?: NumberRange;
  /** Who made it. Absent: 108, Netloom's. */
  readonly protocol?: number;
}

export type RuleInfo = NewRule & {
  readonly priority: number;
  readonly action: Value<typeof ruleAction>;
  readonly invert: boolean;
};

function ruleBody(spec: NewRule) {
  const action = spec.action ?? "lookup";
  const dst = spec.dst === undefined ? undefined : splitPrefix(spec.dst);
  const src = spec.src === undefined ? undefined : splitPrefix(spec.src);
  return {
    header: {
      family: spec.family,
      dstLength: dst?.length,
      srcLength: src?.length,
      action,
      flags: spec.invert ? ruleFlag.invert : 0,
    },
    attrs: {
      dst: dst?.address,
      src: src?.address,
      iif: spec.iif,
      oif: spec.oif,
      goto: spec.goto,
      priority: spec.priority,
      mark: spec.mark,
      mask: spec.mask,
      suppressPrefixLength: spec.suppressPrefixLength,
      table: action === "lookup" ? (spec.table ?? mainTable) : undefined,
      uids: spec.uids,
      protocol: spec.protocol ?? netloomProtocol,
      l4Protocol: spec.l4Protocol,
      sourcePorts: spec.sourcePorts,
      destinationPorts: spec.destinationPorts,
    },
  };
}

function ruleText({ priority, src }: NewRule): string {
  return priority === undefined ? `from ${src ?? "all"}` : String(priority);
}

/** Adds a rule. EEXIST if there is an equal one. */
export function addRule(spec: NewRule): Request {
  return request(
    { op: `add rule ${ruleText(spec)}`, type: rtm.newRule, flags: nlmF.create | nlmF.excl },
    ruleLayout,
    ruleBody(spec),
  );
}

/** Removes the first rule that has all of these fields; one that is not there is removed. */
export function removeRule(spec: NewRule): Request {
  return request(
    {
      op: `remove rule ${ruleText(spec)}`,
      type: rtm.delRule,
      flags: 0,
      tolerate: ["ENOENT"],
    },
    ruleLayout,
    ruleBody(spec),
  );
}

/** A rule from an RTM_NEWRULE or RTM_DELRULE message. Throws DecodeError. */
export function readRule(message: Message): RuleInfo {
  const { header, attrs } = decode(message, ruleLayout);
  const { suppressGroup: _, l3mdev: __, ...rest } = attrs;
  return {
    ...rest,
    family: header.family,
    dst: attrs.dst === undefined ? undefined : `${attrs.dst}/${header.dstLength}`,
    src: attrs.src === undefined ? undefined : `${attrs.src}/${header.srcLength}`,
    priority: attrs.priority ?? 0,
    action: header.action,
    table: attrs.table ?? header.table,
    invert: (header.flags & ruleFlag.invert) !== 0,
    // The kernel says "no suppression" with all bits set.
    suppressPrefixLength:
      attrs.suppressPrefixLength === 0xffffffff ? undefined : attrs.suppressPrefixLength,
  };
}

/** Rules of one family or both. The kernel cannot filter them; `protocol` is filtered here. */
export function listRules(
  socket: NetlinkSocket,
  filter: { readonly family?: number; readonly protocol?: number } = {},
): RuleInfo[] {
  const item = request({ op: "list rules", type: rtm.getRule, flags: 0 }, ruleLayout, {
    header: { family: filter.family ?? addressFamily.unspec },
    attrs: {},
  });
  return socket
    .dump(item)
    .map(readRule)
    .filter(
      (rule) =>
        // Asked for all, the kernel also tells rules for routing multicast, of families above.
        (rule.family === addressFamily.inet || rule.family === addressFamily.inet6) &&
        (filter.protocol === undefined || rule.protocol === filter.protocol),
    );
}
