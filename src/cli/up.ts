/** The command line of `netloom up`: control plane and agent of one host in one process. */
import { absolutePath, hostName, type UsualDirs } from "./agent.ts";
import { type Listen, listenHelp, listenOf, listenSpecs } from "./listen.ts";
import { readCommandLine, single, UsageError } from "./options.ts";
import { type Silence, silenceHelp, silenceOf, silenceSpecs } from "./silence.ts";

export const upHelp = `Serves the API at <run-dir>/api.sock, and keeps this host's networks as it says: a server and an
agent in one.

  netloom up            serve until ended by a signal; containers keep their networks

  --host NAME           this host's name in the API (the machine's)
  --store URL           where objects are kept (sqlite:<state-dir>/store.db)
${listenHelp}
${silenceHelp}
  --state-dir DIR       what survives a reboot ($NETLOOM_STATE_DIR or /var/lib/netloom)
  --run-dir DIR         sockets and locks ($NETLOOM_RUN_DIR or /run/netloom)

Then, for example:

  netloom apply -f examples/two-tier.yaml
  netloom cni add NETWORK.conflist NAMESPACE     with {"type": "netloom", "network": "web"} in it
`;

/** What was asked for. */
export interface UpCommand extends UsualDirs {
  /** The machine's unless set. */
  readonly host?: string;
  readonly store?: string;
  /** Over TCP too; on the Unix socket alone unless set. */
  readonly tls?: Listen;
  /** As usual unless set. */
  readonly silence?: Silence;
}

const value = { takes: "value" } as const;
const specs = {
  host: value,
  store: value,
  ...listenSpecs,
  ...silenceSpecs,
  "state-dir": value,
  "run-dir": value,
  help: { takes: "nothing", short: "h" },
} as const;

/** "help" when help is asked for. Throws UsageError. */
export function parseUpCommand(words: readonly string[], usual: UsualDirs): UpCommand | "help" {
  const line = readCommandLine(words, specs);
  if (line.options.help || line.operands[0] === "help") return "help";
  if (line.operands[0] !== undefined) {
    throw new UsageError(`netloom up takes no "${line.operands[0]}": see --help`);
  }
  const host = single(line, "host");
  const store = single(line, "store");
  return {
    stateDir: absolutePath(single(line, "state-dir") ?? usual.stateDir, "state-dir"),
    runDir: absolutePath(single(line, "run-dir") ?? usual.runDir, "run-dir"),
    ...(host !== undefined && { host: hostName(host) }),
    ...(store !== undefined && { store }),
    ...listenOf(line),
    ...silenceOf(line),
  };
}
