/** What an operator does to hosts: in the product, by making, marking and deleting `Host`s. */
import type { HostFence } from "../../../src/ipam/host-fence.ts";

/** A host as it joins. A greeting alone makes none: it may come from one that was just removed. */
export const joinHost = (agent: string, boot: string): HostFence => ({ agent, boot });

/** Its blocks come back as its containers go. */
export const removeHost = (fence: HostFence): HostFence => ({ ...fence, removing: true });

/**
 * The operator says that this boot is over and nothing of it runs any more: power is off, or the
 * machine is gone. Then its blocks come back at once. Throws RangeError if the host was in another
 * boot since.
 */
export function declareOver(fence: HostFence, boot: string): HostFence {
  if (fence.boot !== boot) {
    throw new RangeError(
      `Boot "${boot}" is not the host's last one, "${fence.boot}": it was started since; look again`,
    );
  }
  return { ...fence, removing: true, over: boot };
}
