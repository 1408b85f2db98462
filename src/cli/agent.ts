/** The command line of `netloom agent`: keeps this host's part of declared networks. */
import { readCommandLine, single, UsageError } from "./options.ts";

export const agentHelp = `Keeps this host's networks and ports as they are declared, and attaches containers to them.

  netloom agent         serve until ended by a signal; containers keep their networks, and the next
                        one goes on

Plugins of type "netloom" with "network" call it at <run-dir>/agent.sock. While the control plane is
away it goes on with what it heard last. "netloom up" is this and a server in one.

  --server URL          an API server: unix:/PATH or https://HOST:PORT; several are tried in turn
                        (unix:<run-dir>/api.sock)
  --host NAME           this host's name in the API (the machine's)
  --state-dir DIR       what survives a reboot ($NETLOOM_STATE_DIR or /var/lib/netloom)
  --run-dir DIR         sockets and locks ($NETLOOM_RUN_DIR or /run/netloom)
  --ca FILE             whom to believe that a server is one, in PEM
  --cert FILE, --key FILE
                        who we are, in PEM
  --token-file FILE     a bearer token in place of these

These files are read anew as they change: a credential is renewed without a new start. Put the new
file in place by a rename.

Plugins and commands find an agent with a run directory of its own by NETLOOM_RUN_DIR in their
environment.
`;

/** What was asked for. */
export interface AgentCommand {
  readonly servers: readonly string[];
  /** The machine's unless set. */
  readonly host?: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly credentials: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly token?: string;
  };
}

const value = { takes: "value" } as const;
const specs = {
  server: value,
  host: value,
  "state-dir": value,
  "run-dir": value,
  ca: value,
  cert: value,
  key: value,
  "token-file": value,
  help: { takes: "nothing", short: "h" },
} as const;

/** Directories that the environment names, or the usual ones. */
export interface UsualDirs {
  readonly stateDir: string;
  readonly runDir: string;
}

/** "help" when help is asked for. Throws UsageError. */
export function parseAgentCommand(
  words: readonly string[],
  usual: UsualDirs,
): AgentCommand | "help" {
  const line = readCommandLine(words, specs);
  if (line.options.help || line.operands[0] === "help") return "help";
  if (line.operands[0] !== undefined) {
    throw new UsageError(`netloom agent takes no "${line.operands[0]}": see --help`);
  }
  const stateDir = absolutePath(single(line, "state-dir") ?? usual.stateDir, "state-dir");
  const runDir = absolutePath(single(line, "run-dir") ?? usual.runDir, "run-dir");
  const host = single(line, "host");
  const given = [
    ["ca", single(line, "ca")],
    ["cert", single(line, "cert")],
    ["key", single(line, "key")],
    ["token", single(line, "token-file")],
  ].filter(([, path]) => path !== undefined);
  return {
    servers: line.options.server ?? [`unix:${runDir}/api.sock`],
    ...(host !== undefined && { host: hostName(host) }),
    ...{ stateDir, runDir },
    credentials: Object.fromEntries(given),
  };
}

/** Throws UsageError for a relative one. */
export function absolutePath(path: string, option: string): string {
  if (path.startsWith("/")) return path;
  throw new UsageError(`Option --${option} needs an absolute path, not "${path}"`);
}

/** Throws UsageError for what no object can be called. */
export function hostName(host: string): string {
  if (/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(host)) return host;
  throw new UsageError(`Option --host needs a name of a-z, 0-9 and hyphens, not "${host}"`);
}
