/** The command line of `netloom dhcp`, and of `dhcp daemon` as the reference has it. */
import { type CommandLine, readCommandLine, single, UsageError } from "./options.ts";

export const dhcpHelp = `Holds DHCP leases for containers: gets them, renews them, gives them back.

  netloom dhcp          serve until ended by a signal; leases stay, and the next one goes on
  netloom dhcp list     show the leases that the running daemon holds

Plugins with "ipam": {"type": "dhcp"} call it. It need not be started: the first of them does, and
systemd can (packaging/netloom-dhcp.socket). One serves for each run directory.

  --socketpath PATH     listen at PATH too, beside <run-dir>/dhcp.sock
  --pidfile FILE        write the process's number
  --hostprefix DIR      where the host's files are, for a daemon in a container
  --broadcast           ask for answers by broadcast on every kind of link
  --resendtimeout TIME  how long a lease is asked for (3m28s)
  --resendmax TIME      the longest wait between two tries (1m2s)
  --timeout TIME        accepted for the reference's sake: answers are waited for in any case
  --exit-when-idle TIME end when there was nothing to hold and no call for so long
  --on-demand           as plugins start it: ends after five idle minutes, logs to
                        <run-dir>/dhcp.log, and says nothing when another serves already
  --json                list: a JSON object a line

TIME is a number with a unit: 500ms, 10s, 3m28s. Options may have one dash, as with "dhcp daemon",
which is the same with --socketpath /run/cni/dhcp.sock.
`;

/** What was asked for. */
export type DhcpCommand =
  | { readonly verb: "list"; readonly json: boolean; readonly socketPath?: string }
  | {
      readonly verb: "serve";
      readonly socketPath?: string;
      readonly pidFile?: string;
      readonly hostPrefix: string;
      readonly broadcast: boolean;
      readonly patienceMs: number;
      readonly maxRetryMs: number;
      readonly idleMs?: number;
      readonly onDemand: boolean;
    };

const value = { takes: "value" } as const;
const nothing = { takes: "nothing" } as const;
const specs = {
  socketpath: value,
  pidfile: value,
  hostprefix: value,
  broadcast: nothing,
  timeout: value,
  resendmax: value,
  resendtimeout: value,
  "exit-when-idle": value,
  "on-demand": nothing,
  json: nothing,
  help: { takes: "nothing", short: "h" },
} as const;

type Line = CommandLine<keyof typeof specs>;

const second = 1000;
const minute = 60 * second;
/** The reference's. */
const usual = { patienceMs: 208 * second, maxRetryMs: 62 * second } as const;
const onDemandIdleMs = 5 * minute;

/** "help" when help is asked for. Throws UsageError. */
export function parseDhcpCommand(words: readonly string[]): DhcpCommand | "help" {
  const line = readCommandLine(words.flatMap(asTwoDashes), specs);
  if (line.options.help || line.operands[0] === "help") return "help";
  const [verb, ...more] = line.operands;
  if (more.length > 0 || (verb !== undefined && verb !== "list")) {
    throw new UsageError(`netloom dhcp takes no "${more[0] ?? verb}": see --help`);
  }
  const socketPath = single(line, "socketpath");
  const place = socketPath === undefined ? {} : { socketPath: absolute(socketPath, "socketpath") };
  if (verb === "list") return { verb, json: line.options.json !== undefined, ...place };
  return { verb: "serve", ...place, ...serving(line) };
}

function serving(line: Line) {
  const onDemand = line.options["on-demand"] !== undefined;
  const pidFile = single(line, "pidfile");
  const idleMs = duration(line, "exit-when-idle") ?? (onDemand ? onDemandIdleMs : undefined);
  duration(line, "timeout");
  return {
    ...(pidFile !== undefined && { pidFile: absolute(pidFile, "pidfile") }),
    hostPrefix: single(line, "hostprefix") ?? "",
    broadcast: line.options.broadcast !== undefined,
    patienceMs: duration(line, "resendtimeout") ?? usual.patienceMs,
    maxRetryMs: duration(line, "resendmax") ?? usual.maxRetryMs,
    ...(idleMs !== undefined && { idleMs }),
    onDemand,
  };
}

/** Go's flags have one dash, and a flag's value after "=". */
function asTwoDashes(word: string): string[] {
  const long = /^-[a-z]{2}/.test(word) ? `-${word}` : word;
  if (/^--broadcast=(1|t|T|true|TRUE|True)$/.test(long)) return ["--broadcast"];
  return /^--broadcast=(0|f|F|false|FALSE|False)$/.test(long) ? [] : [long];
}

function absolute(path: string, option: string): string {
  if (path.startsWith("/")) return path;
  throw new UsageError(`Option --${option} needs an absolute path, not "${path}"`);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: second, m: minute, h: 60 * minute };

/** As Go writes times: `3m28s`. */
function duration(line: Line, name: keyof typeof specs): number | undefined {
  const given = single(line, name);
  if (given === undefined) return undefined;
  const parts = [...given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.map(([part]) => part).join("") === given && parts.length > 0;
  if (!isWhole)
    throw new UsageError(`Option --${name} needs a time as 10s or 3m28s, not "${given}"`);
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0);
}
