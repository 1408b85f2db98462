/** Waits for a new pair to carry packets: the kernel begins with that a moment after it is up. */
import type { KernelObject, VethLink } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

/** The kernel's own limit: it may put off a link's change of state for a second. */
const timeoutMs = 1500;
const pauseMs = 1;

/**
 * Waits until both ends of each pair are operational. Raising them only queues that work
 * (linkwatch); until it is done what is sent is dropped, and a port of a bridge forwards nothing.
 * A busy kernel that takes longer than a second and a half is no reason to fail.
 */
export async function untilCarrying(
  session: KernelSession,
  objects: readonly KernelObject[],
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const { netns, name, peer } of objects.filter(isRaisedPair)) {
    for (const end of [{ netns, name }, peer]) {
      while (session.linkNow(end.netns, end.name).operState !== "up") {
        if (performance.now() > deadline) return;
        await Bun.sleep(pauseMs);
      }
    }
  }
}

/** A pair with one end down, as the user may want it, carries nothing anyway. */
function isRaisedPair(object: KernelObject): object is VethLink {
  return object.kind === "link" && object.type === "veth" && object.up && object.peer.up;
}
