/** Which files of the agent's can't be read, and what that means, for the host's condition. */
import type { Agent } from "./agent.ts";

/** Undefined while all can be read. */
export function damageOf({ addresses, records }: Agent): string | undefined {
  const ports = [...records.unreadable.values()].map(
    (path) =>
      `"${path}" can't be read: detach its container (its runtime's next DEL does), and the file ` +
      "goes along",
  );
  const blocks = addresses.damage.map((what) => `${what}: ${meaning(ports.length > 0)}`);
  const all = [...blocks, ...ports];
  return all.length === 0 ? undefined : all.join("; ");
}

const meaning = (isWaiting: boolean) =>
  "none of its addresses is given before the control plane has told what it knew of it" +
  (isWaiting ? ", and before what can't be read of ports is settled" : "");
