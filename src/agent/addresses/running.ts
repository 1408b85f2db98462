/** What runs on this host, by the records of ports and attachments: blocks' files may be lost. */
import type { AttachmentRecord } from "../../engine/record.ts";
import type { Running } from "../../ipam/block-holder.ts";
import { canonicalIp } from "../../lib/ip.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import type { Agent } from "../agent.ts";
import type { PortRecord } from "../port-records.ts";
import { ownerOf } from "./agent-ipam.ts";

type Recorded = Pick<Agent, "records" | "engine" | "overlays">;

/** Where a port's record can't be read, its attachment's tells. Undefined where none does. */
export function runningHere({ records, overlays }: Recorded): Running[] | undefined {
  // What a guest has in its own kernel no record of an attachment tells.
  const told = overlays
    .records()
    .filter(({ id, netns }) => records.unreadable.has(id) && netns !== hostNetns);
  const ids = new Set(told.map(({ id }) => id));
  if (![...records.unreadable.keys()].every((id) => ids.has(id))) return undefined;
  return [...records.here().flatMap(ofPort), ...told.flatMap(ofAttachment)];
}

/** Whether the owner of an address is here, as far as anything tells. */
export function isHere({ records, engine }: Recorded, owner: string): boolean {
  const [containerId = "", ifName = ""] = owner.split("/");
  const id = engine.idOf({ containerId, ifName });
  const stage = records.get(id)?.stage;
  return records.unreadable.has(id) || (stage !== undefined && stage !== "gone");
}

function ofPort(record: PortRecord): Running[] {
  const { namespace } = record.network;
  return record.addresses.flatMap(({ address, subnet, claimed }) =>
    subnet === undefined || claimed
      ? []
      : [{ owner: ownerOf(record), address, subnet: { namespace, name: subnet } }],
  );
}

function ofAttachment(record: AttachmentRecord): Running[] {
  return record.objects.flatMap((object) =>
    object.kind === "address" && object.netns === record.netns
      ? [{ owner: ownerOf(record), address: canonicalIp(object.address.split("/")[0]!) }]
      : [],
  );
}
