/** `netloom get`: prints objects, and what changes of them. */
import { defineCommand } from "../command.ts";
import {
  allNamespacesFlag,
  connectionFlags,
  filesFlags,
  namespaceFlag,
  outputFlag,
  selectorFlags,
} from "../flags.ts";

export const getFlags = {
  ...outputFlag,
  ...namespaceFlag,
  ...allNamespacesFlag,
  ...selectorFlags,
  ...filesFlags,
  watch: { takes: "nothing", short: "w", summary: "then print what changes, until interrupted" },
  "no-headers": { takes: "nothing", summary: "print no line of column names" },
  "ignore-not-found": { takes: "nothing", summary: "say nothing of objects that are not there" },
  "show-managed-fields": {
    takes: "nothing",
    summary: "json, yaml: also who set which field",
  },
  ...connectionFlags,
} as const;

export const get = defineCommand({
  name: "get",
  summary: "Prints objects as a table, as YAML, or in part.",
  usage: ["KIND[,KIND]… [NAME]…", "KIND/NAME…", "-f FILE…"],
  description: `KIND is a plural, a singular or a short name: networks, network or net. "all" stands for
networks, subnets and ports. "netloom explain" tells of kinds and their fields.`,
  flags: getFlags,
  operands: ["kind", "name"],
  examples: [
    { does: "all networks of the namespace", line: "get networks" },
    { does: "ports of all namespaces, with more columns", line: "get ports -A -o wide" },
    { does: "one network as YAML, for a file", line: "get network web -o yaml" },
    { does: "the ports of one network", line: "get ports --field-selector spec.network=web" },
    { does: "ports with a label, as they come and go", line: "get ports -l tier=front -w" },
    {
      does: "the addresses of a port",
      line: "get port web-1 -o jsonpath='{.status.addresses[*].address}'",
    },
  ],
  run: async (call) => (await import("../objects/get.ts")).get(call),
});

export const watch = defineCommand({
  name: "watch",
  summary: "Prints objects and then what changes of them, until interrupted.",
  usage: ["KIND [NAME]", "KIND/NAME"],
  description: `The same as "netloom get --watch".`,
  flags: getFlags,
  operands: ["kind", "name"],
  examples: [{ does: "ports as they come and go", line: "watch ports" }],
  run: async (call) => (await import("../objects/get.ts")).get(call, { isWatch: true }),
});
