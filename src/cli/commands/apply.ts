/** `netloom apply`, `diff`, `create` and `edit`: what makes and changes objects. */
import { kinds } from "../../api/kinds/index.ts";
import { defineCommand, type Flags } from "../command.ts";
import {
  connectionFlags,
  dryRunFlag,
  filesFlags,
  namespaceFlag,
  outputFlag,
  waitFlags,
} from "../flags.ts";

const manager = (usual: string) => ({
  "field-manager": {
    takes: "value",
    value: "NAME",
    summary: `who sets the fields, for the server's books (${usual})`,
  } as const,
});

const ownership = {
  ...manager("netloom"),
  "force-conflicts": {
    takes: "nothing",
    summary: "take over fields that another manager set",
  },
} as const satisfies Flags;

export const applyFlags = {
  ...filesFlags,
  ...dryRunFlag,
  ...ownership,
  wait: { takes: "nothing", summary: "wait until networks, subnets and machines' ports are ready" },
  ...waitFlags,
  ...outputFlag,
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const apply = defineCommand({
  name: "apply",
  summary: "Makes objects what files say: creates what is missing, changes what differs.",
  usage: ["-f FILE…"],
  description: `Files are YAML or JSON, with one object or several. They go to the server in the order in which
they stand on each other: namespaces, networks, subnets, pools, ports. A failure does not stop the
others. Fields that a file no longer names, and that nobody else set, are removed. Fields that others
set ("netloom edit", another --field-manager) are refused, or taken over with --force-conflicts.

--wait does not wait for a container's port: it is ready once it is attached.`,
  flags: applyFlags,
  examples: [
    { does: "what a file says", line: "apply -f examples/two-tier.yaml" },
    {
      does: "all files of a folder, and wait until all is ready",
      line: "apply -f networks/ --wait",
    },
    { does: "from a pipe", line: "$ generate-networks | netloom apply -f -" },
    { does: "let the server check a file and change nothing", line: "apply -f web.yaml --dry-run" },
  ],
  run: async (call) => (await import("../objects/apply.ts")).apply(call),
});

export const diffFlags = {
  ...filesFlags,
  ...ownership,
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const diff = defineCommand({
  name: "diff",
  summary: "Shows what apply would change.",
  usage: ["-f FILE…"],
  description: "The exit status is 0 where nothing would change, 1 where something would.",
  flags: diffFlags,
  examples: [{ does: "what a file would change", line: "diff -f examples/two-tier.yaml" }],
  run: async (call) => (await import("../objects/diff.ts")).diff(call),
});

export const createFlags = {
  ...filesFlags,
  set: {
    takes: "value",
    value: "FIELD=VALUE",
    summary: "a field of spec, the value as YAML: --set mtu=9000; may be repeated",
  },
  label: {
    takes: "value",
    value: "KEY=VALUE",
    summary: "a label; may be repeated",
  },
  ...dryRunFlag,
  ...outputFlag,
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const create = defineCommand({
  name: "create",
  summary: "Creates objects, from files or in one line.",
  usage: ["-f FILE…", "KIND NAME [FIELD=VALUE]…"],
  description: `In one line the fields of spec are given as FIELD=VALUE, the value as YAML has it:
type=bridge, masquerade=true, fixedIps='[{address: 10.1.0.9}]', dns.domain=example.org.
"netloom explain KIND.spec" lists them.`,
  flags: createFlags,
  operands: [kinds.map(({ singular }) => singular)],
  meantBy: async (...mistake) => (await import("../objects/create.ts")).meantField(...mistake),
  examples: [
    {
      does: "a network on a bridge, whose ports reach the world",
      line: "create network web type=bridge masquerade=true",
    },
    { does: "its addresses", line: "create subnet web-v4 network=web cidr=10.61.0.0/24" },
    {
      does: "a port with an address of its own",
      line: "create port db-1 network=data fixedIps='[{address: 10.62.0.10}]'",
    },
    { does: "a namespace", line: "create namespace team-a --label tier=front" },
    {
      does: "a file for later, without creating anything",
      line: "create network lan type=macvlan parent=eth1 --dry-run -o yaml",
    },
  ],
  run: async (call) => (await import("../objects/create.ts")).create(call),
});

export const editFlags = {
  ...manager("netloom-edit"),
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

export const edit = defineCommand({
  name: "edit",
  summary: "Opens an object in your editor and sends what you changed.",
  usage: ["KIND NAME", "KIND/NAME"],
  description: `The editor is NETLOOM_EDITOR, VISUAL or EDITOR, else vi. What the server refuses is opened again with
its reason; what another changed meanwhile is kept where your change does not touch it.`,
  flags: editFlags,
  operands: ["kind", "name"],
  examples: [{ does: "change a network", line: "edit network web" }],
  run: async (call) => (await import("../objects/edit.ts")).edit(call),
});
