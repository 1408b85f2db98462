/** What differs from what was made and can't be put back is told on the port. */
import type { RepairReport } from "../engine/repair.ts";
import { FileError } from "../kernel/sys/files.ts";
import type { Agent } from "./agent.ts";

/**
 * `isWhole`: everything was looked at, of one overlay or of none, so all others there are well.
 * What can't be kept is logged.
 */
export async function noteFaults(
  agent: Agent,
  { failed }: Pick<RepairReport, "failed">,
  { isWhole, overlay }: { readonly isWhole: boolean; readonly overlay?: string },
): Promise<void> {
  const { faults } = agent;
  const there = agent.records.here().filter((record) => record.overlay === overlay);
  if (isWhole) for (const { id } of there) faults.delete(id);
  const touched = new Set(failed.map(({ id }) => id));
  for (const { id, error } of failed) faults.set(id, (error as Error).message);
  const ids = there.flatMap(({ id, fault }) => {
    const isNews = isWhole || touched.has(id) ? fault !== faults.get(id) : false;
    return isNews ? [id] : [];
  });
  // Its turn may come late: what is known by then counts.
  await agent.aside.forEach("fault", ids, async (id) => note(agent, id, faults.get(id)));
}

function note({ records, log, changed }: Agent, id: string, fault: string | undefined): void {
  const record = records.get(id);
  if (record?.stage !== "attached") return;
  const { fault: _, ...rest } = record;
  try {
    records.write({ ...rest, ...(fault !== undefined && { fault }), reported: false });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    // Noted with the next look.
    log({
      level: "warn",
      event: "fault not kept",
      containerId: record.containerId,
      error: error.message,
    });
  }
  changed();
}
