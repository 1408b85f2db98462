/** Every command: its words, and how its table is loaded. */
import type { Command, Flags } from "../command.ts";

/** A command whose command line a file of its own reads, and whose work another room does. */
export interface OtherCommand {
  readonly name: string;
  readonly summary: string;
  /** Words that may follow. */
  readonly verbs: readonly string[];
  readonly help: () => Promise<string>;
}

type Load = () => Promise<Command<any>>;

/** In the order of help. A name of two words is a part of the first one's group. */
export const commandLoaders: Readonly<Record<string, Load>> = {
  apply: async () => (await import("./apply.ts")).apply,
  get: async () => (await import("./get.ts")).get,
  describe: async () => (await import("./describe.ts")).describe,
  create: async () => (await import("./apply.ts")).create,
  edit: async () => (await import("./apply.ts")).edit,
  delete: async () => (await import("./delete.ts")).deleteCommand,
  diff: async () => (await import("./apply.ts")).diff,
  wait: async () => (await import("./delete.ts")).wait,
  watch: async () => (await import("./get.ts")).watch,
  explain: async () => (await import("./describe.ts")).explain,
  "port attach": async () => (await import("./port.ts")).portAttach,
  "port detach": async () => (await import("./port.ts")).portDetach,
  "ipam show": async () => (await import("./ipam.ts")).ipamShow,
  "host list": async () => (await import("./ipam.ts")).hostList,
  "host cordon": async () => (await import("./ipam.ts")).hostCordon,
  "host uncordon": async () => (await import("./ipam.ts")).hostUncordon,
  "host rotate-key": async () => (await import("./ipam.ts")).hostRotateKey,
  "host remove": async () => (await import("./ipam.ts")).hostRemove,
  "host credential": async () => (await import("./ipam.ts")).hostCredential,
  "token create": async () => (await import("./ipam.ts")).tokenCreate,
  "token list": async () => (await import("./ipam.ts")).tokenList,
  "token revoke": async () => (await import("./ipam.ts")).tokenRevoke,
  kubeconfig: async () => (await import("./kubeconfig.ts")).kubeconfigCommand,
  "store backup": async () => (await import("./store.ts")).storeBackup,
  "store restore": async () => (await import("./store.ts")).storeRestore,
  "store migrate": async () => (await import("./store.ts")).storeMigrate,
  "context list": async () => (await import("./context.ts")).contextList,
  "context use": async () => (await import("./context.ts")).contextUse,
  "context set": async () => (await import("./context.ts")).contextSet,
  "context remove": async () => (await import("./context.ts")).contextRemove,
  completion: async () => (await import("./completion.ts")).completion,
  version: async () => (await import("./version.ts")).versionCommand,
};

/** Names of groups: `port` of `port attach`. */
export function groups(): string[] {
  const first = Object.keys(commandLoaders).flatMap((name) => name.split(" ").slice(0, -1));
  return [...new Set(first)];
}

/** The commands of a group, by their second word. */
export function verbsOf(group: string): string[] {
  return Object.keys(commandLoaders)
    .filter((name) => name.startsWith(`${group} `))
    .map((name) => name.slice(group.length + 1));
}

export function loadAll(): Promise<Command<Flags>[]> {
  return Promise.all(Object.values(commandLoaders).map((load) => load()));
}

/** Commands of other rooms: main.ts knows who does their work. */
export const otherCommands: readonly OtherCommand[] = [
  {
    name: "up",
    summary: "Is server and agent of one host in one process.",
    verbs: [],
    help: async () => (await import("../up.ts")).upHelp,
  },
  {
    name: "agent",
    summary: "Keeps the networks of this host as the control plane says.",
    verbs: [],
    help: async () => (await import("../agent.ts")).agentHelp,
  },
  {
    name: "server",
    summary: "Serves the API of the control plane.",
    verbs: [],
    help: async () => (await import("../server.ts")).serverHelp,
  },
  {
    name: "sandbox",
    summary: "Runs a command in a network of its own.",
    verbs: ["run"],
    help: async () => (await import("../sandbox.ts")).sandboxHelp,
  },
  {
    name: "cni",
    summary: "Runs CNI network lists, as a container runtime does.",
    verbs: ["add", "del", "check", "gc", "status", "list"],
    help: async () => (await import("../cni.ts")).cniHelp,
  },
  {
    name: "dhcp",
    summary: "Holds DHCP leases for containers.",
    verbs: ["list"],
    help: async () => (await import("../dhcp.ts")).dhcpHelp,
  },
  {
    name: "uplink",
    summary: "Shows physical links that bridges stand in for, and gives them back.",
    verbs: ["list", "release"],
    help: async () => (await import("../uplink.ts")).uplinkHelp,
  },
  {
    name: "clean",
    summary: "Removes what stays after the last container.",
    verbs: [],
    help: async () => (await import("../clean.ts")).cleanHelp,
  },
  {
    name: "doctor",
    summary: "Looks at this host and says what is wrong.",
    verbs: [],
    help: async () => (await import("../doctor.ts")).doctorHelp,
  },
];

export const otherCommand = (name: string): OtherCommand | undefined =>
  otherCommands.find((each) => each.name === name);
