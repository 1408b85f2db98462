/** The command line of `netloom server`. */
import { type Listen, listenHelp, listenOf, listenSpecs, pathOf } from "./listen.ts";
import { readCommandLine, single, UsageError } from "./options.ts";
import { type Silence, silenceHelp, silenceOf, silenceSpecs } from "./silence.ts";

export const serverHelp = `Serves the API of the control plane: networks, subnets, ports and who may change them.

  netloom server        serve at <run-dir>/api.sock until ended by a signal

  --store URL           where objects are kept: sqlite:/path, or
                        etcd:https://a:2379,https://b:2379?ca=FILE&cert=FILE&key=FILE
                        (sqlite:<state-dir>/store.db)
${listenHelp}
${silenceHelp}
  --state-dir DIR       /var/lib/netloom, or $NETLOOM_STATE_DIR
  --run-dir DIR         /run/netloom, or $NETLOOM_RUN_DIR

Any number may serve from one etcd. A SQLite file belongs to one server; "netloom up" runs one
with an agent beside it.
`;

/** What was asked for; directories that were not named are absent. */
export interface ServerWords {
  readonly stateDir?: string;
  readonly runDir?: string;
  readonly store?: string;
  readonly tls?: Listen;
  /** As usual unless set. */
  readonly silence?: Silence;
}

const value = { takes: "value" } as const;
const specs = {
  store: value,
  ...listenSpecs,
  ...silenceSpecs,
  "state-dir": value,
  "run-dir": value,
  help: { takes: "nothing", short: "h" },
} as const;

/** "help" when help is asked for. Throws UsageError. */
export function parseServerCommand(words: readonly string[]): ServerWords | "help" {
  const line = readCommandLine(words, specs);
  if (line.options.help || line.operands[0] === "help") return "help";
  if (line.operands.length > 0) {
    throw new UsageError(`netloom server takes no "${line.operands[0]}": see --help`);
  }
  const store = single(line, "store");
  return {
    ...pathOf(line, "state-dir", "stateDir"),
    ...pathOf(line, "run-dir", "runDir"),
    ...(store !== undefined && { store }),
    ...listenOf(line),
    ...silenceOf(line),
  };
}
