/** DEL while the host's agent is away: its records tell what there is to take away. */

import { goneFile } from "../engine/agent-files.ts";
import { detachFrom } from "../engine/detach.ts";
import { KernelSession } from "../engine/kernel-session.ts";
import { lockToDetach } from "../engine/lock.ts";
import { attachmentId } from "../engine/names.ts";
import { ensureNamespace, type OverlayPlace, overlayPlaces } from "../engine/overlay-place.ts";
import type { Paths } from "../engine/paths.ts";
import { readRecord } from "../engine/record.ts";
import { replaceFile } from "../kernel/sys/whole-file.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { readAbout } from "./agent-client.ts";
import type { Call } from "./plugin.ts";

const maker = "netloom";

/**
 * Detaches what the agent attached, and leaves word for it: the addresses stay held and the port
 * stays reported until it is back. False where no agent was there since boot, so that nothing tells
 * what it made. Throws as `detachFrom`.
 */
export async function detachWithoutAgent(plugins: Paths, call: Call): Promise<boolean> {
  const about = readAbout(plugins);
  if (!about) return false;
  const { instance, stateDir, runDir } = about;
  const paths = { instance, stateDir, runDir };
  const id = attachmentId(paths, call);
  const place = overlayOf(paths, id);
  using session = new KernelSession(place?.netns ?? hostNetns, place?.paths ?? paths);
  using _lock = await lockToDetach(session.paths, id);
  // First: should we be killed midway, the agent goes on from here.
  replaceFile(goneFile(paths, id), `${JSON.stringify({ containerId: call.containerId })}\n`);
  const { containerId, ifName, netns, conf } = call;
  const request = { containerId, ifName, netns, network: conf.name, maker };
  await detachFrom({ session, paths: session.paths }, request);
  return true;
}

/** The overlay that the attachment is in; undefined: it is in none. Throws NetnsError. */
function overlayOf(main: Paths, id: string): OverlayPlace | undefined {
  const place = overlayPlaces(main).find(({ paths }) => readRecord(paths, { id, maker }));
  // What was in it went with it, but for the container's own.
  if (place) ensureNamespace(place);
  return place;
}
