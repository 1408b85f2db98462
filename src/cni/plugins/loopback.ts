/** The `loopback` plugin: sets the container's `lo` up, whatever CNI_IFNAME says. */
import { lowerLoopback, raiseLoopback, readLoopback } from "../../engine/loopback.ts";
import { CniError, cniCodes } from "../errors.ts";
import type { Plugin } from "../plugin.ts";

export const loopbackPlugin: Plugin = {
  type: "loopback",

  /** A chained one hands the result before it on as it is. */
  add({ netns, prevResult }) {
    const { addresses } = raiseLoopback(netns!);
    if (prevResult) return prevResult;
    return {
      interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: netns! }],
      ips: addresses.map((address) => ({ address, interface: 0 })),
      routes: [],
      dns: {},
    };
  },

  del({ netns }) {
    if (netns !== undefined) lowerLoopback(netns);
  },

  check({ netns }) {
    if (readLoopback(netns!).up) return;
    throw new CniError(
      cniCodes.checkFailed,
      `Link "lo" in "${netns}" is down: set it up, or call ADD anew`,
    );
  },

  // It keeps nothing outside the container's namespace, and needs nothing to serve.
  gc() {},
  status() {},
};
