/** The command line of `netloom sandbox`: runs a command in a network of its own. */
import { capabilityArgs } from "./cni.ts";
import { readCommandLine, single, UsageError } from "./options.ts";

export const sandboxHelp = `Runs a command in a network namespace of its own, attached to networks.

  netloom sandbox run --network LIST… [-p PORTS] [--name NAME] [--] COMMAND ARGUMENT…

The namespace has its loopback and a link for each network. When the command ends, or on SIGINT,
SIGTERM or SIGHUP, everything is removed again, with processes that the command left behind; the
exit status is the command's.

  -n, --network LIST   a network's name in --conf-dir, a .conflist or .conf file, or a declared
                       network of this host's agent (web, or team-a/web); the first is eth0, the
                       next eth1 …
  -p, --publish PORTS  [HOSTIP:]HOSTPORT:PORT[/tcp|udp|sctp]; may be repeated
  --cap JSON           capability arguments, as for "netloom cni"
  --name NAME          the sandbox's name, also in "ip netns" (made up)
  --conf-dir DIR       folder of network lists (/etc/cni/net.d)
  --cni-path DIR:DIR…  folders of plugins (CNI_PATH, or /opt/cni/bin)
  --cache-dir DIR      what the runtime remembers (/var/lib/cni)

Examples:
  netloom sandbox run --network ./demo.conflist -- ip addr
  netloom sandbox run --network web -- ping -c1 10.61.0.1
  netloom sandbox run --network demo -p 8080:80 -- python3 -m http.server 80
`;

/** `netloom sandbox run`, read and checked. */
export interface SandboxCommand {
  readonly networks: readonly string[];
  readonly command: readonly string[];
  readonly name?: string;
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
  readonly confDir: string;
  readonly cniPath?: string;
  readonly cacheDir: string;
}

const value = { takes: "value" } as const;

const specs = {
  network: { takes: "value", short: "n" },
  publish: { takes: "value", short: "p" },
  cap: value,
  name: value,
  "conf-dir": value,
  "cni-path": value,
  "cache-dir": value,
  help: { takes: "nothing", short: "h" },
} as const;

/** The command, or "help" when help is asked for. Throws UsageError. */
export function parseSandboxCommand(words: readonly string[]): SandboxCommand | "help" {
  const [verb, ...rest] = words;
  if (verb === "help" || verb === "--help" || verb === "-h") return "help";
  if (verb !== "run") {
    const said = verb === undefined ? "Say what to do" : `"${verb}" is no command`;
    throw new UsageError(`${said}: netloom sandbox run --network LIST -- COMMAND`);
  }
  const line = readCommandLine(rest, specs, { stopAtOperand: true });
  if (line.options.help) return "help";
  const networks = line.options.network ?? [];
  if (networks.length === 0) throw new UsageError("Name a network: --network LIST");
  if (line.operands.length === 0) throw new UsageError("Say what to run: -- COMMAND ARGUMENT…");
  return {
    networks,
    command: line.operands,
    name: single(line, "name"),
    capabilityArgs: capabilityArgs(line.options.cap ?? [], line.options.publish ?? []),
    confDir: single(line, "conf-dir") ?? "/etc/cni/net.d",
    cniPath: single(line, "cni-path"),
    cacheDir: single(line, "cache-dir") ?? "/var/lib/cni",
  };
}
