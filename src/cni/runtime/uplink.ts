/** What `netloom uplink` does and prints. */
import { writeSync } from "node:fs";
import { openEngine } from "../../engine/engine.ts";
import { releaseByHand, unreadableUplinks, uplinksInUse } from "../../engine/uplink/users.ts";
import { toCniError } from "../errors.ts";
import { table } from "./show.ts";

/** A command of `netloom uplink`. */
export type UplinkCommand =
  | { readonly verb: "list"; readonly json: boolean }
  | { readonly verb: "release"; readonly link: string; readonly force: boolean };

/** Carries out a command and gives the exit status. Errors are printed, never thrown. */
export async function runUplinkCommand(command: UplinkCommand): Promise<number> {
  try {
    using engine = openEngine();
    const lines =
      command.verb === "list"
        ? listLines(uplinksInUse(engine), command.json)
        : [releaseLine(command.link, await releaseByHand(engine, command.link, command))];
    for (const line of lines) writeSync(1, `${line}\n`);
    const untold = command.verb === "list" ? unreadableUplinks(engine) : [];
    for (const { message } of untold) writeSync(2, `netloom: ${message}\n`);
    return untold.length > 0 ? 1 : 0;
  } catch (error) {
    writeSync(2, `netloom: ${toCniError(error).message}\n`);
    return 1;
  }
}

function listLines(uses: ReturnType<typeof uplinksInUse>, json: boolean): string[] {
  if (json) {
    return uses.map(({ attachments, ...rest }) => {
      const users = attachments.map(({ containerId, ifName, network }) => {
        return { containerId, ifName, network };
      });
      return JSON.stringify({ ...rest, attachments: users });
    });
  }
  if (uses.length === 0) return ["No bridge has an uplink's place"];
  const rows = uses.map(({ uplink, bridge, addresses, attachments }) => {
    return [uplink, bridge, String(attachments.length), addresses.join(" ")];
  });
  return table(["UPLINK", "BRIDGE", "CONTAINERS", "ADDRESSES"], rows);
}

function releaseLine(link: string, wasTaken: boolean): string {
  return wasTaken
    ? `Released ${link}: its addresses and routes are on it again`
    : `Nothing to release: no bridge of Netloom's has the place of "${link}"`;
}
