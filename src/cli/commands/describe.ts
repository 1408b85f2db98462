/** `netloom describe` and `explain`: tell of objects, and of kinds. */
import { kinds } from "../../api/kinds/index.ts";
import { defineCommand, type Flags } from "../command.ts";
import {
  allNamespacesFlag,
  connectionFlags,
  filesFlags,
  namespaceFlag,
  selectorFlags,
} from "../flags.ts";

export const describeFlags = {
  ...namespaceFlag,
  ...allNamespacesFlag,
  ...selectorFlags,
  ...filesFlags,
  ...connectionFlags,
} as const satisfies Flags;

export const describe = defineCommand({
  name: "describe",
  summary: "Tells all of an object, and of what belongs to it.",
  usage: ["KIND [NAME]…", "KIND/NAME…", "-f FILE…"],
  description: "A network is told with its subnets and ports, a host with its ports.",
  flags: describeFlags,
  operands: ["kind", "name"],
  examples: [
    { does: "a network, its subnets and ports", line: "describe network web" },
    { does: "why a port is not ready", line: "describe port web-1" },
  ],
  run: async (call) => (await import("../objects/describe.ts")).describe(call),
});

export const explainFlags = {
  recursive: { takes: "nothing", summary: "all fields below, too" },
} as const satisfies Flags;

export const explain = defineCommand({
  name: "explain",
  summary: "Tells what a kind is for, and what its fields mean.",
  usage: ["", "KIND[.FIELD]…"],
  description: "Without a kind it lists them. It needs no server.",
  flags: explainFlags,
  operands: [kinds.map(({ plural }) => plural)],
  examples: [
    { does: "the kinds", line: "explain" },
    { does: "what can be said of a network", line: "explain network.spec" },
    { does: "one field", line: "explain port.spec.fixedIps" },
  ],
  run: async (call) => (await import("../objects/explain.ts")).explain(call),
});
