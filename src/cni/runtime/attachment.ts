/** What a runtime's calls are about, and where it finds things. */
import type { PluginEnv } from "../exec.ts";

/** One container on one network. */
export interface Attachment {
  readonly containerId: string;
  /** Name of the link inside the container. */
  readonly ifName: string;
  /** Path of the container's namespace. May be absent for DEL. */
  readonly netns?: string;
  /** CNI_ARGS: pairs of key and value. */
  readonly args?: readonly (readonly [string, string])[];
  /** By capability: `portMappings`, `bandwidth` … A plugin gets those that it declares. */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>;
}

/** Where plugins are and where the runtime remembers. */
export interface Runtime {
  /** Folders to look for plugins in, as CNI_PATH has them. */
  readonly path: readonly string[];
  /** /var/lib/cni, usually. */
  readonly cacheDir: string;
}

/** CNI's default place for the runtime's cache. */
export const defaultCacheDir = "/var/lib/cni";

/** The environment of a call about the attachment, but for its verb. */
export function envOf(runtime: Runtime, attachment: Attachment): Omit<PluginEnv, "verb"> {
  return {
    containerId: attachment.containerId,
    netns: attachment.netns,
    ifName: attachment.ifName,
    args: (attachment.args ?? []).map(([key, value]) => `${key}=${value}`).join(";"),
    path: runtime.path,
  };
}
