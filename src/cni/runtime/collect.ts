/** Collects what a network's containers left behind, and asks whether a network can serve. */
import { type CniError, toCniError } from "../errors.ts";
import type { AttachmentId } from "../types.ts";
import { delNetwork } from "./attach.ts";
import type { Runtime } from "./attachment.ts";
import { type CachedAttachment, listCache } from "./cache.ts";
import type { NetworkList } from "./network-list.ts";
import { callPlugin, confFor, hasVersion, throwAll } from "./plugin-call.ts";

/**
 * GC: detaches every cached attachment of the network that `keep` does not name, at any version,
 * then has the plugins collect, from 1.1.0 on. Goes on past failures. Does nothing for a list
 * with `disableGC`. Throws AggregateError of CniError.
 */
export async function gcNetwork(
  runtime: Runtime,
  list: NetworkList,
  keep: readonly AttachmentId[],
): Promise<void> {
  if (list.disableGC) return;
  const errors: CniError[] = [];
  const kept = new Set(keep.map(({ containerId, ifName }) => `${containerId}/${ifName}`));
  for (const cached of listCache(runtime.cacheDir)) {
    if (cached.network !== list.name) continue;
    if (kept.has(`${cached.containerId}/${cached.ifName}`)) continue;
    await delNetwork(runtime, list, cached).catch((error) => errors.push(toCniError(error)));
  }
  if (hasVersion(list.cniVersion, "1.1.0")) {
    const valid = keep.map(({ containerId, ifName }) => ({
      containerID: containerId,
      ifname: ifName,
    }));
    // The second key is the one that plugins of before the specification's release know.
    const more = { "cni.dev/valid-attachments": valid, "cni.dev/attachments": valid };
    for (const plugin of list.plugins) {
      const conf = confFor(list, plugin, { more });
      await callPlugin(runtime, plugin, { verb: "GC", conf }).catch((error) =>
        errors.push(toCniError(error)),
      );
    }
  }
  throwAll(errors, `Cannot collect all garbage of network "${list.name}"`);
}

/** STATUS: the first plugin that can't serve is thrown. Below 1.1.0 nobody can be asked. */
export async function statusNetwork(runtime: Runtime, list: NetworkList): Promise<void> {
  if (!hasVersion(list.cniVersion, "1.1.0")) return;
  for (const plugin of list.plugins) {
    await callPlugin(runtime, plugin, { verb: "STATUS", conf: confFor(list, plugin, {}) });
  }
}

/** What the runtime has attached, to whatever network. */
export function attachments(runtime: Pick<Runtime, "cacheDir">): CachedAttachment[] {
  return listCache(runtime.cacheDir);
}
