/** `netloom port`: attaches namespaces of this host to ports. */
import { defineCommand, type Flags } from "../command.ts";
import { connectionFlags, namespaceFlag } from "../flags.ts";

const ifname = (usual: string) =>
  ({ takes: "value", value: "NAME", summary: `the link's name inside (${usual})` }) as const;

export const portFlags = {
  ifname: ifname("eth0"),
  ...namespaceFlag,
  ...connectionFlags,
} as const satisfies Flags;

const operands = [{ kind: "ports" }, "netns"] as const;

export const portAttach = defineCommand({
  name: "port attach",
  summary: "Attaches a network namespace of this host to a port.",
  usage: ["PORT NETNS"],
  description: `NETNS is a namespace's path, or its name as "ip netns" has it. The agent of this host does the work:
addresses and hardware address are the port's. Run it as root on the host.`,
  flags: portFlags,
  operands,
  examples: [
    {
      does: "a port of the network web, and a namespace on it",
      line: "create port web-1 network=web",
    },
    { does: "", line: "$ ip netns add blue" },
    { does: "", line: "port attach web-1 blue" },
  ],
  run: async (call) => (await import("../objects/port.ts")).attachPort(call, "attach"),
});

export const portDetach = defineCommand({
  name: "port detach",
  summary: "Takes a network namespace of this host off a port.",
  usage: ["PORT NETNS"],
  description: `The port stays, with its addresses, for the next that is attached to it. What "netloom port attach"
attached is detached also while the server or the agent is away; a runtime detaches its own.`,
  flags: { ...portFlags, ifname: ifname("whichever it is attached as") },
  operands,
  examples: [{ does: "", line: "port detach web-1 blue" }],
  run: async (call) => (await import("../objects/port.ts")).attachPort(call, "detach"),
});
