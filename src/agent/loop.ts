/**
 * Brings this host in line with its node spec and its records: again and again, from what is there,
 * whatever happened before.
 */
import { existsSync, removeSync } from "../kernel/sys/files.ts";
import { namesIfThere } from "../kernel/sys/whole-file.ts";
import { blockView } from "./addresses/block-view.ts";
import { isHere, runningHere } from "./addresses/running.ts";
import { returnSurplus } from "./addresses/stock.ts";
import type { Agent } from "./agent.ts";
import { followChanges } from "./changes.ts";
import { makeDeclared, removeSurplus } from "./declared.ts";
import { detachHere } from "./detach.ts";
import { forEach } from "./each.ts";
import { noteHostAddresses } from "./host-ports.ts";
import type { PortRecord } from "./port-records.ts";
import { isReplaced } from "./report/port-report.ts";
import { noteUnkept } from "./unkept.ts";

/** Gives, or promises, false where something is left for the next pass. */
type Piece = (agent: Agent) => unknown;

/** One pass. Gives whether nothing failed, and nothing that is to go is left. Never throws. */
export function reconcile(agent: Agent): Promise<boolean> {
  const ends = [finishAbsent, removeUndeclared, removeDeleted];
  const makers = agent.serving.isOn ? [removeSurplus, makeDeclared, followChanges] : [];
  const notes = [noteHostAddresses, noteUnkept];
  return run(agent, [heedBlocks, ...ends, ...makers, ...notes, stock]);
}

/** Piece by piece. What fails is logged, and tried again with the next pass. Never throws. */
export async function run(agent: Agent, pieces: readonly Piece[]): Promise<boolean> {
  let isDone = true;
  for (const piece of pieces) {
    try {
      if ((await piece(agent)) === false) isDone = false;
    } catch (error) {
      agent.log({ level: "error", event: "loop failed", what: piece.name, error: String(error) });
      isDone = false;
    }
  }
  return isDone;
}

/** What the control plane says of this host's blocks. */
export async function heedBlocks(agent: Agent): Promise<void> {
  const view = blockView(agent.spec, agent.host, agent.serving.own);
  if (view && agent.addresses.heed(view, () => runningHere(agent))) agent.changed();
}

/** Attachments that plugins took away while no agent was there. Gives whether all are finished. */
function finishAbsent(agent: Agent): Promise<boolean> {
  const folder = `${agent.engine.paths.stateDir}/gone`;
  return agent.aside.forEach("finish", namesIfThere(folder), async (id) => {
    if (!existsSync(`${folder}/${id}`)) return;
    const record = agent.records.get(id);
    if (record) await detachHere(agent, record);
    else removeSync(`${folder}/${id}`);
  });
}

/**
 * A call that was cut short gave nobody a result: its next try begins anew. What can't be taken
 * away now, that try does, or its DEL.
 */
export async function undoUnfinished(agent: Agent): Promise<void> {
  const unfinished = agent.records.all().filter(({ stage }) => stage === "attaching");
  try {
    await forEach(unfinished, (record) =>
      agent.queue.run(record.id, () => detachHere(agent, record)),
    );
  } finally {
    agent.addresses.freeUnless((owner) => isHere(agent, owner));
  }
}

/** Attachments to networks that are no more. Only a whole spec can tell. As `finishAbsent`. */
async function removeUndeclared(agent: Agent): Promise<boolean> {
  const { spec, records, log, aside } = agent;
  if (!spec.isComplete || spec.revision === undefined) return true;
  const isGone = ({ network, networkUid }: PortRecord) => {
    const found = spec.network(network);
    return !found || (networkUid !== undefined && found.metadata.uid !== networkUid);
  };
  const ids = records.here().flatMap((record) => (isGone(record) ? [record.id] : []));
  return aside.forEach("undeclared", ids, async (id) => {
    // It may be another by now.
    const record = records.get(id);
    if (!record || !isGone(record)) return;
    const { network, containerId, ifName } = record;
    log({ level: "info", event: "network gone", network: network.name, containerId, ifName });
    await detachHere(agent, record);
  });
}

/** Attachments whose port is to go: it waits for them. As `finishAbsent`. */
async function removeDeleted(agent: Agent): Promise<boolean> {
  const { records, log, aside } = agent;
  const ids = records.here().flatMap(({ id }) => (isDeleted(agent, id) ? [id] : []));
  return aside.forEach("deleted", ids, async (id) => {
    const record = records.get(id);
    if (!record || !isDeleted(agent, id)) return;
    const { port, containerId, ifName } = record;
    log({ level: "info", event: "port deleted", port: port.name, containerId, ifName });
    await detachHere(agent, record);
  });
}

function isDeleted({ records, spec, host }: Agent, id: string): boolean {
  const record = records.get(id);
  const port = record && spec.port(record.port);
  if (!port || record.stage === "gone") return false;
  if (isReplaced({ port, host }, record)) return true;
  const isSame = record.portUid === undefined || record.portUid === port.metadata.uid;
  return isSame && port.metadata.deletionTimestamp !== undefined;
}

/** Blocks that the host can do without. */
function stock(agent: Agent): void {
  if (returnSurplus(agent)) agent.changed();
}

/** What ports of networks that are gone shared. Waits until nobody attaches. Throws BusyError. */
export async function cleanUp({ overlays, records, log }: Agent): Promise<void> {
  const kept = new Set(records.here().map(({ id }) => id));
  for (const engine of overlays.engines()) {
    for (const what of await engine.clean(kept)) log({ level: "info", event: "removed", what });
  }
}
