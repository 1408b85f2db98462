/** Ports without a link of their own: of the host's own network, and of none. */
import type { Plugin } from "../cni/plugin.ts";
import { loopbackPlugin } from "../cni/plugins/loopback.ts";
import { emptyResult } from "../cni/types.ts";
import type { Target } from "./target.ts";

/** A container of the host's network has all that the host has, and nothing is made for it. */
const host: Plugin = {
  type: "netloom",
  add: () => emptyResult,
  del() {},
  check() {},
  gc() {},
  status() {},
};

/** The plugin of a network whose type has no driver. */
export const linkless = ({ network }: Target): Plugin =>
  network.spec.type === "none" ? loopbackPlugin : host;
