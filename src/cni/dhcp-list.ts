/** Shows the leases that the running DHCP daemon holds. */
import type { Paths } from "../engine/paths.ts";
import { readFileSync, writeSync } from "../kernel/sys/files.ts";
import { silentLog } from "../lib/log.ts";
import type { HeldLease } from "../model/dhcp.ts";
import { callDaemonIfAny } from "./dhcp-daemon.ts";

interface Listing {
  readonly paths: Paths;
  readonly socketPath?: string;
  readonly json: boolean;
}

/** Gives the exit status. Throws CniError. */
export async function listLeases({ paths, socketPath, json }: Listing): Promise<number> {
  const place = { paths, log: silentLog, ...(socketPath !== undefined && { socketPath }) };
  const held = await callDaemonIfAny(place, { verb: "list" });
  const now = Number.parseFloat(readFileSync("/proc/uptime")) * 1000;
  const lines = held.map((each) => (json ? JSON.stringify(each) : lineOf(each, now)));
  if (lines.length > 0) writeSync(1, `${lines.join("\n")}\n`);
  return 0;
}

function lineOf({ holder, lease }: HeldLease, now: number): string {
  const { network, containerId, ifName } = holder;
  const { expiresAt, renewAt } = lease.times;
  const until = (time: number | null) =>
    time === null ? "never" : `in ${Math.max(0, Math.round((time - now) / 1000))} s`;
  const addresses = lease.ips.map(({ address }) => address).join(" ");
  return (
    `${network} ${containerId}/${ifName} ${addresses} from ${lease.server}, ` +
    `renews ${until(renewAt)}, ends ${until(expiresAt)}`
  );
}
