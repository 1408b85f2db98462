/**
 * Netloom as a library: for programs that attach containers to CNI networks themselves, and for
 * those that keep networks by the API (see `api/index.ts`, which is "netloom/client" by itself).
 *
 * Runs under Bun as root on Linux. Nothing is kept in memory between calls: what was attached is in
 * `cacheDir`, in the format that libcni keeps, so programs may come and go, and share it.
 *
 * ```ts
 * import { addNetwork, delNetwork, loadNetworkFile } from "netloom";
 *
 * const runtime = { path: ["/opt/cni/bin"], cacheDir: "/var/lib/cni" };
 * const network = loadNetworkFile("/etc/cni/net.d/10-demo.conflist");
 * const attachment = {
 *   containerId: "web-1",
 *   ifName: "eth0",
 *   netns: "/var/run/netns/web-1",
 *   capabilityArgs: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
 * };
 * const { ips } = await addNetwork(runtime, network, attachment);
 * await delNetwork(runtime, network, attachment);
 * ```
 *
 * Errors are `CniError`, with CNI's `code` and `details`, or an `AggregateError` of them where a
 * call goes on past failures. Calls for one attachment must not overlap; others may.
 */

export * from "./api/index.ts";
export { CniError, cniCodes } from "./cni/errors.ts";
export { addNetwork, checkNetwork, delNetwork } from "./cni/runtime/attach.ts";
export { type Attachment, defaultCacheDir, type Runtime } from "./cni/runtime/attachment.ts";
export type { CachedAttachment } from "./cni/runtime/cache.ts";
export { attachments, gcNetwork, statusNetwork } from "./cni/runtime/collect.ts";
export {
  findNetwork,
  loadNetworkFile,
  type NetworkList,
  networksIn,
  type PluginConf,
  parseNetworkList,
} from "./cni/runtime/network-list.ts";
export { runSandbox, type SandboxOptions } from "./cni/runtime/sandbox.ts";
export type {
  AttachmentId,
  Dns,
  Result,
  ResultInterface,
  ResultIp,
  ResultRoute,
  SpecVersion,
} from "./cni/types.ts";
