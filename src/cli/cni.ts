/** The command line of `netloom cni`: runs network lists as a container runtime does. */
import { type CommandLine, readCommandLine, single, UsageError } from "./options.ts";
import { type PortMapping, parsePortMapping } from "./port-mapping.ts";

export const cniHelp = `Runs a CNI network list for namespaces, as a container runtime does.

  netloom cni add    NETWORK NETNS…   attach each namespace to the network
  netloom cni del    NETWORK NETNS…   detach it; succeeds when it isn't attached
  netloom cni check  NETWORK NETNS…   see whether it is attached as it should be
  netloom cni gc     NETWORK --keep ID[/LINK]… | --all
                                      remove what containers that are gone left behind
  netloom cni status NETWORK          ask whether the network can take a container
  netloom cni list                    show networks and what is attached to them

NETWORK is a network's name in --conf-dir, a .conflist or .conf file, or a declared network of this
host's agent: web, or team-a/web of another namespace.
NETNS is a namespace's path, or its name as "ip netns" has it.

  --conf-dir DIR       folder of network lists (/etc/cni/net.d)
  --cni-path DIR:DIR…  folders of plugins (CNI_PATH, or /opt/cni/bin); those that Netloom has
                       are found without
  --cache-dir DIR      what the runtime remembers (/var/lib/cni)
  --ifname NAME        the link's name in the container (eth0)
  --container-id ID    instead of one made from the namespace's path
  --arg KEY=VALUE      for CNI_ARGS; may be repeated
  -p, --publish PORTS  [HOSTIP:]HOSTPORT:PORT[/tcp|udp|sctp]; may be repeated
  --cap JSON           capability arguments: '{"bandwidth": {"ingressRate": 1000000}}'
  --keep ID[/LINK]     gc: an attachment that stays, as "list" shows it; may be repeated
  --all                gc: nothing stays
  --json               print results as JSON, one a line

Examples:
  ip netns add blue
  netloom cni add ./demo.conflist blue -p 8080:80
  netloom cni check demo blue
  netloom cni del demo blue
  netloom cni gc demo --keep blue-5e3cd54d
`;

/** What all of the commands are told. */
interface CniOptions {
  readonly confDir: string;
  /** Absent: CNI_PATH or the default. */
  readonly cniPath?: string;
  readonly cacheDir: string;
  readonly json: boolean;
}

/** An attachment that gc keeps. */
export interface Kept {
  readonly containerId: string;
  readonly ifName: string;
}

/** A command of `netloom cni`, read and checked. */
export type CniCommand = CniOptions &
  (
    | {
        readonly verb: "add" | "del" | "check";
        readonly network: string;
        /** Paths or names. */
        readonly namespaces: readonly string[];
        readonly ifName: string;
        readonly containerId?: string;
        readonly args: readonly (readonly [string, string])[];
        readonly capabilityArgs: Readonly<Record<string, unknown>>;
      }
    | { readonly verb: "gc"; readonly network: string; readonly keep: readonly Kept[] }
    | { readonly verb: "status"; readonly network: string }
    | { readonly verb: "list" }
  );

const value = { takes: "value" } as const;
const nothing = { takes: "nothing" } as const;

const specs = {
  "conf-dir": value,
  "cni-path": value,
  "cache-dir": value,
  ifname: value,
  "container-id": value,
  arg: value,
  publish: { takes: "value", short: "p" },
  cap: value,
  keep: value,
  all: nothing,
  json: nothing,
  help: { takes: "nothing", short: "h" },
} as const;

type Line = CommandLine<keyof typeof specs>;

/** The command, or "help" when help is asked for. Throws UsageError. */
export function parseCniCommand(words: readonly string[]): CniCommand | "help" {
  const line = readCommandLine(words, specs);
  if (line.options.help || line.operands[0] === "help") return "help";
  const [verb, network, ...namespaces] = line.operands;
  const options: CniOptions = {
    confDir: single(line, "conf-dir") ?? "/etc/cni/net.d",
    cniPath: single(line, "cni-path"),
    cacheDir: single(line, "cache-dir") ?? "/var/lib/cni",
    json: line.options.json !== undefined,
  };
  if (verb === "list") return { ...options, verb };
  if (verb === "add" || verb === "del" || verb === "check") {
    if (network === undefined || namespaces.length === 0) {
      throw new UsageError(`Say which network and namespace: netloom cni ${verb} NETWORK NETNS…`);
    }
    return { ...options, verb, network, namespaces, ...attachmentOptions(line, namespaces) };
  }
  if (verb !== "gc" && verb !== "status") {
    const said = verb === undefined ? "Say what to do" : `"${verb}" is no command of netloom cni`;
    throw new UsageError(`${said}: add, del, check, gc, status or list; --help tells more`);
  }
  if (network === undefined || namespaces.length > 0) {
    throw new UsageError(`Name one network: netloom cni ${verb} NETWORK`);
  }
  return verb === "gc"
    ? { ...options, verb, network, keep: keptOf(line) }
    : { ...options, verb, network };
}

function attachmentOptions(line: Line, namespaces: readonly string[]) {
  const containerId = single(line, "container-id");
  if (containerId !== undefined && namespaces.length > 1) {
    throw new UsageError("Several namespaces can't share one --container-id: attach one by one");
  }
  return {
    ifName: single(line, "ifname") ?? "eth0",
    ...(containerId !== undefined && { containerId }),
    args: (line.options.arg ?? []).map(keyAndValue),
    capabilityArgs: capabilityArgs(line.options.cap ?? [], line.options.publish ?? []),
  };
}

function keyAndValue(pair: string): readonly [string, string] {
  const equals = pair.indexOf("=");
  if (equals > 0 && !pair.includes(";")) return [pair.slice(0, equals), pair.slice(equals + 1)];
  throw new UsageError(`Argument "${pair}" can't be read: write KEY=VALUE`);
}

/** All `--cap` objects in one, the ports of `-p` after those given there. Throws UsageError. */
export function capabilityArgs(
  caps: readonly string[],
  publish: readonly string[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = Object.assign({}, ...caps.map(jsonObject));
  if (publish.length === 0) return merged;
  const given = Array.isArray(merged.portMappings) ? (merged.portMappings as PortMapping[]) : [];
  return { ...merged, portMappings: [...given, ...publish.flatMap(parsePortMapping)] };
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw new UsageError(`Option --cap needs a JSON object, not ${text}`);
}

/** To remove everything is asked for in words, never by leaving something out. */
function keptOf(line: Line): Kept[] {
  const keep = line.options.keep ?? [];
  if (keep.length === 0 && !line.options.all) {
    throw new UsageError("Name what to keep with --keep ID[/LINK], or give --all to keep nothing");
  }
  if (keep.length > 0 && line.options.all) {
    throw new UsageError("Options --keep and --all contradict each other: give one of them");
  }
  return keep.map((one) => {
    const slash = one.indexOf("/");
    return slash < 0
      ? { containerId: one, ifName: "eth0" }
      : { containerId: one.slice(0, slash), ifName: one.slice(slash + 1) };
  });
}
