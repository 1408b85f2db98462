/** What `netloom help` says, from the tables of commands. */
import type { Command, Flag, Flags } from "./command.ts";
import type { OtherCommand } from "./commands/index.ts";
import { statusesOf } from "./exit.ts";
import { connectionFlags } from "./flags.ts";
import { wrapped } from "./output/wrapped.ts";

/** Titles of groups in `netloom --help`, and what is in them. */
const chapters: readonly [title: string, names: readonly string[]][] = [
  ["Run it", ["up", "server", "agent", "store"]],
  ["Networks, subnets, ports", ["apply", "get", "describe", "create", "edit", "delete"]],
  ["Look closer", ["diff", "wait", "watch", "explain", "ipam"]],
  ["This host", ["sandbox", "port", "cni", "dhcp", "uplink", "clean", "doctor"]],
  ["Hosts and access", ["host", "token", "kubeconfig"]],
  ["This tool", ["context", "completion", "version"]],
];

/** Groups of commands are told of in one line. */
export const groupSummaries: Readonly<Record<string, string>> = {
  port: "Attaches namespaces of this host to declared ports.",
  ipam: "Shows how full subnets are, and who has which address.",
  host: "Lists hosts, takes them out of use, forgets them, and lets their agents in.",
  token: "Makes, lists and ends tokens.",
  store: "Copies where the control plane keeps objects, as a whole.",
  context: "Servers that you use, and who you are there.",
};

export function overview(
  commands: readonly Pick<Command, "name" | "summary">[],
  others: readonly Pick<OtherCommand, "name" | "summary">[],
): string {
  const summaries = new Map<string, string>([
    ...Object.entries(groupSummaries),
    ...[...commands, ...others].map(({ name, summary }): [string, string] => [name, summary]),
  ]);
  const lines = chapters.flatMap(([title, names]) => {
    const known = names.filter((name) => summaries.has(name));
    return known.length === 0
      ? []
      : ["", `${title}:`, ...known.map((name) => `  ${name.padEnd(12)}${summaries.get(name)}`)];
  });
  return `Container networking for Linux.

  netloom COMMAND …
${lines.join("\n")}

"netloom help COMMAND" tells more of each, with examples. The first steps, as root on one host:

  netloom up                                        # server and agent of this host
  netloom apply -f examples/two-tier.yaml           # in another terminal
  netloom get networks,subnets
  netloom sandbox run --network web -- ip addr

Linked under the name of a CNI plugin (bridge, macvlan, ipvlan, vlan, host-local, dhcp, portmap,
firewall …), this executable is that plugin; README lists them.
`;
}

export function groupHelp(group: string, commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  netloom ${name.padEnd(width)}   ${summary}`);
  const example = `netloom help ${commands[0]!.name}`;
  return `${groupSummaries[group]}\n\n${lines.join("\n")}\n\n"${example}" tells more of one.\n`;
}

export function commandHelp(command: Command): string {
  const { name, summary, usage, description, examples } = command;
  const parts = [
    summary,
    usage.map((words) => `  netloom ${name} ${words}`.trimEnd()).join("\n"),
    ...(description ? [wrapped(description)] : []),
    ...flagParts(command.flags),
    ...(examples.length > 0 ? [`Examples:\n${exampleLines(examples)}`] : []),
    ...(asksServer(command) ? [statusLine(name)] : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

function exampleLines(examples: Command["examples"]): string {
  return examples
    .map(({ does, line }) => {
      const shown = line.startsWith("$ ") ? line.slice(2) : `netloom ${line}`;
      return does === "" ? `  ${shown}` : `  # ${does}\n  ${shown}`;
    })
    .join("\n");
}

/** The command's own first; what every command has, apart. */
function flagParts(flags: Flags): string[] {
  const isShared = (name: string) => Object.hasOwn(connectionFlags, name) && "context" in flags;
  const own = Object.entries(flags).filter(([name]) => !isShared(name));
  const shared = Object.entries(flags).filter(([name]) => isShared(name));
  return [
    ...(own.length > 0 ? [`Options:\n${flagLines(own)}`] : []),
    ...(shared.length > 0 ? [`Which server:\n${flagLines(shared)}`] : []),
  ];
}

const column = 30;

function flagLines(flags: readonly (readonly [string, Flag])[]): string {
  return flags
    .map(([name, flag]) => {
      const word = flagWord(name, flag);
      const text = wrapped(flag.summary, " ".repeat(column));
      return word.length < column - 1 ? word.padEnd(column) + text.trimStart() : `${word}\n${text}`;
    })
    .join("\n");
}

/** `  -n, --namespace NAME`. */
export function flagWord(name: string, { short, takes, value = "VALUE" }: Flag): string {
  const behind = takes === "value" ? ` ${value}` : takes === "optional" ? `[=${value}]` : "";
  return `  ${short ? `-${short}, ` : "    "}--${name}${behind}`;
}

/** Commands that ask no server may name one: for later, or for others. */
export const asksServer = ({ name, flags }: Pick<Command, "name" | "flags">): boolean =>
  "server" in flags && name !== "context set";

function statusLine(name: string): string {
  const parts = statusesOf(name, "server").map(([status, meaning]) => `${status} ${meaning}`);
  return wrapped(`Exit status: ${parts.join("; ")}.`);
}
