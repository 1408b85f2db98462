/** What `netloom dhcp` does: the daemon, with its log and its exit status. */
import { type DaemonSettings, runDaemon } from "./daemon.ts";
import { fileLog, standardLog } from "./log.ts";

export interface DhcpServeCommand extends Omit<DaemonSettings, "log"> {
  /** A plugin began it: nobody reads what it says. */
  readonly onDemand: boolean;
}

/** Gives the exit status. */
export async function runDhcpCommand(command: DhcpServeCommand): Promise<number> {
  const { onDemand, ...settings } = command;
  const log = onDemand ? fileLog(`${settings.runDir}/dhcp.log`) : standardLog();
  try {
    await runDaemon({ ...settings, log });
    // What is under way for callers that were cut off is of no use.
    process.exit(0);
  } catch (error) {
    const { name, message } = error as Error;
    // Another was quicker, which is all that our starter wants.
    if (onDemand && name === "TakenError") return 0;
    log({ level: "error", event: "failed", error: message });
    if (!onDemand) console.error(`netloom dhcp: ${message}`);
    return 1;
  }
}
