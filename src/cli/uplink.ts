/** The command line of `netloom uplink`: shows what bridges took from uplinks, and releases it. */
import { readCommandLine, UsageError } from "./options.ts";

export const uplinkHelp = `Shows the physical links that bridges have in this host's network, and gives them back.

  netloom uplink list             show each, its bridge, and the containers that use it
  netloom uplink release LINK     move the bridge's addresses and routes back to LINK, and take
                                  LINK out of the bridge

The last container that leaves does the same by itself. A release that was cut short is finished by
another. Containers that are still attached lose the physical network: then --force is needed, and
the next container that is attached takes the link again.

  --force              release although containers use it
  --json               list: one JSON line an uplink

Examples:
  netloom uplink list
  netloom uplink release eth1
`;

/** A command of `netloom uplink`, read and checked. */
export type UplinkCommand =
  | { readonly verb: "list"; readonly json: boolean }
  | { readonly verb: "release"; readonly link: string; readonly force: boolean };

const specs = {
  force: { takes: "nothing" },
  json: { takes: "nothing" },
  help: { takes: "nothing", short: "h" },
} as const;

/** The command, or "help" when help is asked for. Throws UsageError. */
export function parseUplinkCommand(words: readonly string[]): UplinkCommand | "help" {
  const { options, operands } = readCommandLine(words, specs);
  const [verb, link, ...others] = operands;
  if (options.help || verb === "help") return "help";
  if (verb === "list") {
    if (link !== undefined) throw new UsageError(`netloom uplink list takes no "${link}"`);
    if (options.force) throw new UsageError("Option --force is for release");
    return { verb, json: options.json !== undefined };
  }
  if (verb !== "release") {
    const said =
      verb === undefined ? "Say what to do" : `"${verb}" is no command of netloom uplink`;
    throw new UsageError(`${said}: list or release; --help tells more`);
  }
  if (link === undefined || others.length > 0) {
    throw new UsageError("Name one link: netloom uplink release LINK");
  }
  if (options.json) throw new UsageError("Option --json is for list");
  return { verb, link, force: options.force !== undefined };
}
