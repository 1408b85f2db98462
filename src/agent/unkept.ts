/** Attachments whose record can't be read: nothing of them is put back, and their ports say so. */
import type { Agent } from "./agent.ts";
import type { PortRecord } from "./port-records.ts";

/** Throws AggregateError. */
export async function noteUnkept(agent: Agent): Promise<void> {
  const { overlays, records, aside } = agent;
  const unreadable = overlays.unreadable();
  const news = records
    .here()
    .filter(({ id, notKept }) => unreadable.has(id) !== (notKept !== undefined));
  const ids = news.map(({ id }) => id);
  await aside.forEach("kept", ids, async (id) => note(agent, id));
}

function note({ overlays, records, log, changed }: Agent, id: string): void {
  const record = records.get(id);
  if (record?.stage !== "attached") return;
  const path = overlays.unreadable().get(id);
  const { notKept: _, reported: __, ...rest } = record;
  records.write({ ...rest, ...(path !== undefined && { notKept: unkept(path) }) });
  changed();
  if (path === undefined) return;
  const { containerId, ifName } = record;
  log({ level: "warn", event: "attachment record unreadable", path, containerId, ifName });
}

const unkept = (path: string): NonNullable<PortRecord["notKept"]> => ({
  reason: "RecordUnreadable",
  message:
    `"${path}" can't be read: what an outside hand takes of this attachment is not put back. ` +
    "Detach its container and attach it anew",
});
