/** `netloom delete` and `wait`: ends objects, and waits for what becomes of them. */
import { defineCommand, type Flags } from "../command.ts";
import {
  allNamespacesFlag,
  connectionFlags,
  dryRunFlag,
  filesFlags,
  namespaceFlag,
  outputFlag,
  selectorFlags,
  waitFlags,
} from "../flags.ts";

export const deleteFlags = {
  ...filesFlags,
  ...selectorFlags,
  all: { takes: "nothing", summary: "all objects of the kind in the namespace" },
  cascade: {
    takes: "optional",
    value: "foreground",
    summary: "also what stands on it: a network's subnets and ports",
    complete: ["foreground", "background"],
  },
  wait: {
    takes: "optional",
    value: "false",
    summary: "return once it is gone (true), or at once (--wait=false)",
    complete: ["true", "false"],
  },
  "ignore-not-found": { takes: "nothing", summary: "succeed where it is gone already" },
  ...waitFlags,
  ...dryRunFlag,
  output: { ...outputFlag.output, value: "name", summary: "name: print names alone" },
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const deleteCommand = defineCommand({
  name: "delete",
  summary: "Deletes objects by file, by name, or by selector.",
  usage: ["-f FILE…", "KIND NAME…", "KIND/NAME…", "KIND -l LABELS", "KIND --all"],
  description: `What others stand on stays: the server says who does. With --cascade they go too. Objects of files go in
the opposite order of apply.`,
  flags: deleteFlags,
  operands: ["kind", "name"],
  examples: [
    { does: "what a file made", line: "delete -f examples/two-tier.yaml" },
    { does: "a network with its subnets and ports", line: "delete network web --cascade" },
    { does: "ports with a label", line: "delete ports -l tier=front" },
  ],
  run: async (call) => (await import("../objects/delete.ts")).deleteObjects(call),
});

export const waitCommandFlags = {
  for: {
    takes: "value",
    value: "WHAT",
    summary:
      "condition=Ready, condition=Ready=False, delete, create, jsonpath='{.status.mac}'[=VALUE]",
    complete: ["condition=Ready", "delete", "create", "jsonpath="],
  },
  ...waitFlags,
  ...selectorFlags,
  ...filesFlags,
  all: { takes: "nothing", summary: "all objects of the kind" },
  ...allNamespacesFlag,
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const wait = defineCommand({
  name: "wait",
  summary: "Waits until objects are ready, or gone.",
  usage: [
    "KIND NAME… [--for WHAT]",
    "KIND/NAME… [--for WHAT]",
    "KIND --all [--for WHAT]",
    "-f FILE…",
  ],
  description: `Without --for it waits for condition=Ready, and without --timeout at most 30 s. The exit status
is 8 where it took too long; the message says what is lacking.`,
  flags: waitCommandFlags,
  operands: ["kind", "name"],
  examples: [
    { does: "until a network is ready", line: "wait network web" },
    { does: "until all ports are gone", line: "wait ports --all --for=delete --timeout=2m" },
    {
      does: "until a port has a hardware address",
      line: "wait port web-1 --for=jsonpath='{.status.mac}'",
    },
  ],
  run: async (call) => (await import("../objects/wait.ts")).wait(call),
});
