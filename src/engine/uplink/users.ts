/** Which attachments use which uplinks, and giving one back by an operator's word. */
import type { UplinkObject } from "../../model/kernel-object.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import { networkScope } from "../../model/port.ts";
import { bootId } from "../boot.ts";
import { ConflictError } from "../conflict.ts";
import { lockCounted } from "../counted.ts";
import type { Engine } from "../engine.ts";
import { type AttachmentRecord, listRecords } from "../record.ts";
import {
  readableUplinks,
  readUplinkRecord,
  recordedUplinks,
  type UplinkRecordError,
  unreadable,
} from "./record.ts";
import { releaseUplink } from "./release.ts";
import { nameTaken } from "./renamed.ts";

/** An uplink that a bridge has taken in this boot. */
export interface UplinkUse {
  readonly uplink: string;
  readonly bridge: string;
  /** What the uplink carried before, with prefix lengths. */
  readonly addresses: readonly string[];
  readonly attachments: readonly Pick<AttachmentRecord, "containerId" | "ifName" | "network">[];
}

/** Those whose record can be read. */
export function uplinksInUse({ paths }: Engine): UplinkUse[] {
  return readableUplinks(paths).map(({ uplink, bridge, carried }) => {
    const addresses = carried.addresses.map(({ address }) => address);
    return { uplink, bridge, addresses, attachments: usersOf({ paths }, uplink) };
  });
}

/** Uplinks of which it cannot be told whether a bridge has taken them. */
export function unreadableUplinks({ paths }: Pick<Engine, "paths">): UplinkRecordError[] {
  return recordedUplinks(paths).flatMap((name) => unreadable(paths, name) ?? []);
}

function usersOf({ paths }: Pick<Engine, "paths">, name: string): AttachmentRecord[] {
  return listRecords(paths).filter(
    ({ boot, objects }) =>
      boot === bootId() && objects.some((one) => one.kind === "uplink" && one.name === name),
  );
}

/**
 * Moves the uplink's addresses back. Gives whether there was something to do. Throws ConflictError
 * while containers use it, unless by force; BusyError, NetlinkError, StoreError.
 */
export async function releaseByHand(
  engine: Engine,
  link: string,
  { force }: { readonly force: boolean },
): Promise<boolean> {
  const name = nameTaken(engine.session, link);
  using _lock = await lockCounted(engine.paths, [keyOnly(name)]);
  if (!unreadable(engine.paths, name) && !readUplinkRecord(engine.paths, name)) return false;
  const users = usersOf(engine, name);
  if (users.length > 0 && !force) {
    const names = users.map(({ containerId, ifName }) => `${containerId} (${ifName})`).join(", ");
    throw new ConflictError(
      `Cannot release uplink "${name}": ${users.length} attachments use it: ${names}. ` +
        "Detach them first, or give --force, which cuts them off",
    );
  }
  return releaseUplink(engine.session, name);
}

/** Of it the lock takes the key alone. */
function keyOnly(name: string): UplinkObject {
  const place = { netns: hostNetns, scope: networkScope(""), life: "counted" } as const;
  return {
    ...place,
    kind: "uplink",
    name,
    bridge: "",
    takeOver: false,
    isPort: true,
    isBare: true,
  };
}
