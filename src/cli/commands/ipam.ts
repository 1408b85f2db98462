/** `netloom ipam`, `host` and `token`: addresses, machines and secrets. */
import { defineCommand, type Flag, type Flags } from "../command.ts";
import { allNamespacesFlag, connectionFlags, namespaceFlag, outputFlag } from "../flags.ts";

export const ipamFlags = {
  output: { ...outputFlag.output, value: "json|yaml", summary: "json or yaml, for programs" },
  ...namespaceFlag,
  ...allNamespacesFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const ipamShow = defineCommand({
  name: "ipam show",
  summary: "Shows how full subnets are, or who has a subnet's addresses.",
  usage: ["[SUBNET]"],
  flags: ipamFlags,
  operands: [{ kind: "subnets" }],
  examples: [
    { does: "all subnets of the namespace", line: "ipam show" },
    { does: "each address of one, and the port that has it", line: "ipam show web-v4" },
  ],
  run: async (call) => (await import("../objects/ipam.ts")).ipamShow(call),
});

export const hostFlags = { ...connectionFlags } as const satisfies Flags;

const hostOperand = [{ kind: "hosts" }] as const;

export const hostList = defineCommand({
  name: "host list",
  summary: "Lists hosts and how they fare.",
  usage: [""],
  description: `The same as "netloom get hosts".`,
  flags: { ...outputFlag, ...connectionFlags },
  examples: [{ does: "all hosts, with their addresses and versions", line: "host list -o wide" }],
  run: async (call) => (await import("../objects/host.ts")).hostList(call),
});

export const hostCordon = defineCommand({
  name: "host cordon",
  summary: "Gives a host no new blocks of addresses.",
  usage: ["HOST"],
  description: "What is attached there stays. Do this before the host goes for good.",
  flags: hostFlags,
  operands: hostOperand,
  examples: [{ does: "", line: "host cordon node-1" }],
  run: async (call) => (await import("../objects/host.ts")).setUnschedulable(call, true),
});

export const hostUncordon = defineCommand({
  name: "host uncordon",
  summary: "Takes a host back into use.",
  usage: ["HOST"],
  flags: hostFlags,
  operands: hostOperand,
  examples: [{ does: "", line: "host uncordon node-1" }],
  run: async (call) => (await import("../objects/host.ts")).setUnschedulable(call, false),
});

export const hostRotateKey = defineCommand({
  name: "host rotate-key",
  summary: "Has a host make itself another WireGuard key.",
  usage: ["HOST"],
  description: `Its agent makes the key, and tells others the public part: what runs goes on. It is asked for by the
annotation netloom.dev/rotate-wireguard-key, of which any other text asks once more.`,
  flags: hostFlags,
  operands: hostOperand,
  examples: [{ does: "", line: "host rotate-key node-1" }],
  run: async (call) => (await import("../objects/host.ts")).hostRotateKey(call),
});

export const hostRemoveFlags = {
  force: { takes: "nothing", summary: "although its agent is still heard of" },
  off: { takes: "nothing", summary: "its machine is off for good: nothing of it runs any more" },
  ...connectionFlags,
} as const satisfies Flags;

export const hostRemove = defineCommand({
  name: "host remove",
  summary: "Forgets a host that is gone for good: its ports' places and its addresses are free.",
  usage: ["HOST"],
  description: `A host whose agent is still heard of is refused without --force. One that has containers stays, as
Terminating and without new ones, until they are detached and its addresses came back: two hosts could
else use the same. Of a machine that is off for good they never come: say so by --off, which marks the
host with the annotation netloom.dev/over and the boot that is over. Say it of no machine that may run:
its containers would share addresses with others.`,
  flags: hostRemoveFlags,
  operands: hostOperand,
  examples: [
    { does: "", line: "host remove node-1" },
    { does: "whose machine burnt", line: "host remove node-1 --off" },
  ],
  run: async (call) => (await import("../objects/host.ts")).hostRemove(call),
});

const expires = {
  takes: "value",
  value: "TIME",
  summary: "it ends after so long: 24h, 90d (never)",
} as const satisfies Flag;

export const hostCredentialFlags = { expires, ...connectionFlags } as const satisfies Flags;

export const hostCredential = defineCommand({
  name: "host credential",
  summary: "Makes the token of a host's agent and prints its secret, this once.",
  usage: ["HOST"],
  description: `The host need not be known yet. Its agent reads what this host needs, and writes its own status,
ports and addresses. After "netloom token revoke HOST" another can be made.`,
  flags: hostCredentialFlags,
  operands: hostOperand,
  examples: [
    { does: "into a file", line: "$ (umask 077; netloom host credential node-1 > node-1.token)" },
    {
      does: "there, with the server's ca.crt beside it",
      line: "$ netloom agent --host node-1 --server https://a:7440 --ca ca.crt --token-file node-1.token",
    },
  ],
  run: async (call) => (await import("../objects/host-credential.ts")).hostCredential(call),
});

export const tokenCreateFlags = {
  user: { takes: "value", value: "NAME", summary: "who bears it (the token's name)" },
  role: {
    takes: "value",
    value: "ROLE",
    summary: "it counts for no more than viewer, editor, admin or host",
    complete: ["viewer", "editor", "admin", "host"],
  },
  tenant: {
    takes: "value",
    value: "NAME",
    summary: "it counts in this tenant alone",
    complete: { kind: "tenants" },
  },
  expires,
  ...connectionFlags,
} as const satisfies Flags;

export const tokenCreate = defineCommand({
  name: "token create",
  summary: "Makes a token and prints its secret, this once.",
  usage: ["NAME"],
  description: "What its user may do is said by grants: netloom create grant NAME user=… role=….",
  flags: tokenCreateFlags,
  examples: [
    { does: "for a program, a day long", line: "token create ci --role editor --expires 24h" },
    { does: "into a file of its own", line: "$ (umask 077; netloom token create ci > ci.token)" },
  ],
  run: async (call) => (await import("../objects/token.ts")).tokenCreate(call),
});

export const tokenList = defineCommand({
  name: "token list",
  summary: "Lists tokens, without their secrets.",
  usage: [""],
  flags: { ...outputFlag, ...connectionFlags },
  examples: [{ does: "", line: "token list" }],
  run: async (call) => (await import("../objects/token.ts")).tokenList(call),
});

export const tokenRevoke = defineCommand({
  name: "token revoke",
  summary: "Ends tokens at once.",
  usage: ["NAME…"],
  flags: { ...connectionFlags },
  operands: [{ kind: "tokens" }],
  examples: [{ does: "", line: "token revoke ci" }],
  run: async (call) => (await import("../objects/token.ts")).tokenRevoke(call),
});
