/** Tables, chains and rules: requests to the kernel and what its answers hold. */
import { Reader } from "../../lib/bytes.ts";
import type { NftHook } from "../../model/nft.ts";
import { eachAttr, string } from "../netlink/codec.ts";
import { decode, type Message, type Request, request } from "../netlink/message.ts";
import type { NftChainName, NftChainState, NftRule, NftTableName } from "./nft.ts";
import {
  chainLayout,
  compareAttrs,
  familyNumber,
  findComment,
  headerBytes,
  immediateAttrs,
  nftMsg,
  ruleHeadLayout,
  ruleLayout,
  tableLayout,
} from "./wire.ts";

const chainLabel = (name: NftChainName) => `"${name.family} ${name.table} ${name.chain}"`;
const tableText = (name: NftTableName) => `"${name.family} ${name.name}"`;
const absent = ["ENOENT"];

/** Asks whether a table exists. */
export function getTable(name: NftTableName): Request {
  const head = { op: `look up table ${tableText(name)}`, type: nftMsg.getTable, flags: 0 };
  const header = { family: familyNumber[name.family] };
  return request(head, tableLayout, { header, attrs: { name: name.name } });
}

/** Asks, as a dump, for the tables of a family. */
export function listTables(family: NftTableName["family"]): Request {
  const head = { op: `list tables of family "${family}"`, type: nftMsg.getTable, flags: 0 };
  return request(head, tableLayout, { header: { family: familyNumber[family] }, attrs: {} });
}

/** Its name in an answer to `listTables`. Throws DecodeError. */
export const readTableName = (message: Message): string =>
  decode(message, tableLayout).attrs.name ?? "";

/** Asks for one chain by name. */
export function getChain(name: NftChainName): Request {
  const head = { op: `look up chain ${chainLabel(name)}`, type: nftMsg.getChain, flags: 0 };
  const header = { family: familyNumber[name.family] };
  return request(head, chainLayout, { header, attrs: { table: name.table, name: name.chain } });
}

/** Asks, as a dump, for the chains of a family: older kernels cannot filter them by table. */
export function listChains(name: NftTableName): Request {
  const head = { op: `list chains of ${tableText(name)}`, type: nftMsg.getChain, flags: 0 };
  const header = { family: familyNumber[name.family] };
  return request(head, chainLayout, { header, attrs: { table: name.name } });
}

/** Asks, as a dump, for the rules of a table or of one chain. */
export function listRules(name: NftTableName, chain?: string): Request {
  const where = chain === undefined ? "" : ` ${chain}`;
  const op = `list rules of "${name.family} ${name.name}${where}"`;
  const header = { family: familyNumber[name.family] };
  const head = { op, type: nftMsg.getRule, flags: 0 };
  return request(head, ruleHeadLayout, { header, attrs: { table: name.name, chain } });
}

/** Deletes a table with all that it holds. */
export function deleteTable(name: NftTableName): Request {
  const op = `delete table ${tableText(name)}`;
  const header = { family: familyNumber[name.family] };
  const head = { op, type: nftMsg.delTable, flags: 0, tolerate: absent };
  return request(head, tableLayout, { header, attrs: { name: name.name } });
}

/** Deletes a chain with its rules; EBUSY while something leads to it. */
export function deleteChain(name: NftChainName): Request {
  const op = `delete chain ${chainLabel(name)}`;
  const header = { family: familyNumber[name.family] };
  const head = { op, type: nftMsg.delChain, flags: 0, tolerate: absent };
  return request(head, chainLayout, { header, attrs: { table: name.table, name: name.chain } });
}

/** Deletes one rule. */
export function deleteRule(name: NftChainName, handle: number): Request {
  const op = `delete rule ${handle} of chain ${chainLabel(name)}`;
  const header = { family: familyNumber[name.family] };
  const head = { op, type: nftMsg.delRule, flags: 0, tolerate: absent };
  const body = { table: name.table, chain: name.chain, handle };
  return request(head, ruleHeadLayout, { header, attrs: body });
}

/** Chain and comment of a rule in an answer to `listRules`. Throws DecodeError. */
export function readRuleComment(message: Message): { chain: string; comment: string | undefined } {
  let chain = "";
  let comment: string | undefined;
  // By hand: a table's codec decodes more, and a look at all rules is on every ADD's path.
  message.body.skip(headerBytes);
  eachAttr(message.body, (type, value) => {
    if (type === 2) chain = string.read(value);
    else if (type === 7) comment = findComment(value);
  });
  return { chain, comment };
}

/** A whole rule. Throws DecodeError. */
export function readRule(message: Message): NftRule {
  const { chain, handle, expressions, userdata } = decode(message, ruleLayout).attrs;
  const targets: string[] = [];
  const constants: Uint8Array[] = [];
  for (const { name, data } of expressions ?? []) {
    const codec = name === "immediate" ? immediateAttrs : name === "cmp" ? compareAttrs : undefined;
    const held = codec && data && codec.read(new Reader(data)).data;
    if (held?.value) constants.push(held.value);
    if (held?.verdict?.chain !== undefined) targets.push(held.verdict.chain);
  }
  const comment = userdata && findComment(new Reader(userdata));
  return { chain: chain ?? "", handle: handle ?? 0, comment, targets, constants };
}

/** NF_INET_*, NF_BR_* and NF_NETDEV_* numbers: index is the number. */
const inetHooks = ["prerouting", "input", "forward", "output", "postrouting", "ingress"] as const;
const netdevHooks = ["ingress", "egress"] as const;

/** The chain in an answer to `getChain` or `listChains`, with its table. Throws DecodeError. */
export function readChain(
  message: Message,
  family: NftTableName["family"],
): NftChainState & { table: string } {
  const { table, name, handle, use, hook, type, policy } = decode(message, chainLayout).attrs;
  const state = { table: table ?? "", name: name ?? "", handle: handle ?? 0, use: use ?? 0 };
  if (!hook) return { ...state, hook: undefined };
  const names = family === "netdev" ? netdevHooks : inetHooks;
  const device = hook.device === undefined ? undefined : { device: hook.device };
  return {
    ...state,
    hook: {
      type: (type ?? "filter") as NftHook["type"],
      hook: names[hook.number ?? 0] ?? "ingress",
      priority: hook.priority ?? 0,
      policy: policy === 0 ? "drop" : "accept",
      ...device,
    },
  };
}
