/** Takes an attachment of this host away, by its records alone: no control plane is needed. */

import { goneFile } from "../engine/agent-files.ts";
import { existsSync, removeSync } from "../kernel/sys/files.ts";
import type { Attachment } from "../model/port.ts";
import { ownerOf } from "./addresses/agent-ipam.ts";
import type { Agent } from "./agent.ts";
import { timestamp } from "./timestamp.ts";

export const idOf = ({ engine }: Agent, attachment: Attachment): string => engine.idOf(attachment);

/**
 * Succeeds when there is none. To be called in the attachment's turn of the queue. Throws
 * AggregateError of what could not be removed; the record stays then.
 */
export async function detachHere(
  agent: Agent,
  { containerId, ifName, netns }: Attachment & { readonly netns?: string },
): Promise<void> {
  const { records, addresses, engine, overlays } = agent;
  const id = idOf(agent, { containerId, ifName });
  const record = records.get(id);
  const place = [netns, record?.netns].find((path) => path !== undefined && isThere(path));
  const request = {
    ...{ containerId, ifName, network: record?.network.name ?? "", maker: "netloom" },
    ...(place !== undefined && { netns: place }),
    release: async () => {
      addresses.free(ownerOf({ containerId, ifName }));
      agent.aside.wake();
    },
  };
  // Who joins another has nothing of his own.
  if (record?.joins === undefined) await overlays.engineOf(id, record).detach(request);
  if (record && record.stage !== "gone") {
    const { reported: _, ...rest } = record;
    records.write({ ...rest, stage: "gone", since: timestamp() });
  }
  if (records.unreadable.has(id)) records.remove(id);
  removeSync(goneFile(engine.paths, id));
  overlays.touch(record?.overlay);
  agent.changed();
}

/** The host's own has no path. */
const isThere = (path: string) => !path.startsWith("/") || existsSync(path);
