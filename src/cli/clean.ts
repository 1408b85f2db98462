/** The command line of `netloom clean`: removes what stays for the next container. */
import { readCommandLine, UsageError } from "./options.ts";

export const cleanHelp = `Removes what of Netloom stays after the last container, if nothing uses it any more.

  netloom clean

Bridges that Netloom made and that have no port; while no container is attached, its nftables
tables too; those by which an agent guarded VXLAN links that are gone; host-local's folders that
hold no reservation any more, /var/lib/cni/networks/NAME; the BGP daemon (gobgpd) of an agent that
does not run and has no container attached.
Bridges that another made stay, and so do sysctls, which others may rely on.
`;

/** "help" when help is asked for. Throws UsageError. */
export function parseCleanCommand(words: readonly string[]): "clean" | "help" {
  const line = readCommandLine(words, { help: { takes: "nothing", short: "h" } });
  if (line.options.help) return "help";
  if (line.operands.length === 0) return "clean";
  throw new UsageError(`netloom clean takes no "${line.operands[0]}": it cleans all networks`);
}
