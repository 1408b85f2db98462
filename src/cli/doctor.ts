/** The command line of `netloom doctor`: looks at the host and says what is wrong. */
import { readCommandLine, single, UsageError } from "./options.ts";

export const doctorHelp = `Looks at this host and says what is fine, what is not, and the command that mends it.

  netloom doctor [--json] [--probe LINK]… [--bin-dir DIR]… [--conf-dir DIR]

It looks at the kernel's features (each is tried in a namespace that is thrown away), libnftables,
kernel settings, other firewalls, configured networks and the links they stand on, reserved
addresses, what is left over, the agent of declared networks with its node spec and its way to the
control plane, and the folders of plugins. It changes nothing.

  --json            the findings as JSON
  --probe LINK      also ask, with one ARP request from a hardware address of its own, whether the
                    network behind LINK takes frames of containers (macvlan, bridge with uplink)
  --bin-dir DIR     where plugins are, instead of /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni
  --conf-dir DIR    where network configurations are, instead of /etc/cni/net.d

The exit status is 0 when all is well, 1 with a warning, 2 with a fault.
`;

/** What was asked for. */
export interface DoctorOptions {
  readonly json: boolean;
  readonly probe: readonly string[];
  readonly pluginDirs: readonly string[];
  readonly confDir?: string;
}

/** "help" when help is asked for. Throws UsageError. */
export function parseDoctorCommand(words: readonly string[]): DoctorOptions | "help" {
  const line = readCommandLine(words, {
    help: { takes: "nothing", short: "h" },
    json: { takes: "nothing" },
    probe: { takes: "value" },
    "bin-dir": { takes: "value" },
    "conf-dir": { takes: "value" },
  });
  if (line.options.help) return "help";
  if (line.operands.length > 0) {
    throw new UsageError(`netloom doctor takes no "${line.operands[0]}": it looks at this host`);
  }
  const confDir = single(line, "conf-dir");
  return {
    json: line.options.json !== undefined,
    probe: line.options.probe ?? [],
    pluginDirs: line.options["bin-dir"] ?? [],
    ...(confDir !== undefined && { confDir }),
  };
}
