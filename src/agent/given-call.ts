/** A runtime's ADD, kept with its attachment, and as the driver's plugin takes it. */

import type { Port } from "../api/kinds/index.ts";
import { readConf, readDocument } from "../cni/config.ts";
import type { Call } from "../cni/plugin.ts";
import type { NetConf } from "../cni/types.ts";
import { extras } from "../drivers/extras.ts";
import { macOfPort } from "../engine/names.ts";
import type { Log } from "../lib/log.ts";
import { listOf, record } from "../model/parse.ts";
import { engineNetwork } from "./network-config.ts";
import { isOverlay } from "./overlay/segment-config.ts";
import type { GivenCall, PortRecord } from "./port-records.ts";
import type { Target } from "./target.ts";

/** What of a call a later change of the attachment needs. */
export const givenOf = ({ text, args }: Call): GivenCall => ({
  config: text,
  args: Object.fromEntries(args.values),
});

/** The call that the attachment was made by. Throws CniError, ConfigError. */
export function callOf(of: PortRecord, { config, args }: GivenCall, log: Log): Call {
  const { raw, cniVersion, text } = readDocument(config);
  const conf = readConf(raw, cniVersion);
  const { containerId, ifName, netns } = of;
  return {
    ...{ containerId, ifName, netns, path: [], conf, text, cniVersion, log, warn() {} },
    args: { values: new Map(Object.entries(args)), ignoreUnknown: true },
    runtimeConfig: conf.runtimeConfig,
  };
}

/** The call as the driver's plugin would have got it, from a network list that says it all. */
export function callFor(
  call: Call,
  { config, network, port }: Pick<Target, "config" | "network" | "port">,
): Call {
  const { conf } = call;
  const mappings = listOf(record)(conf.runtimeConfig.portMappings, "runtimeConfig.portMappings");
  const portMappings = [...mappings, ...config.portMappings];
  const mac = port?.spec.mac ?? (isOverlay(network) ? steadyMac(port, conf) : undefined);
  const runtimeConfig = { ...conf.runtimeConfig, portMappings, ...(mac !== undefined && { mac }) };
  const own: NetConf = {
    ...conf,
    name: engineNetwork(network),
    runtimeConfig,
    raw: { ...extrasOf(conf.raw), ...config.raw, runtimeConfig },
  };
  return { ...call, conf: own, runtimeConfig };
}

/** On each host the same: who knows a port of a segment by it finds it where it moves. */
function steadyMac(port: Port | undefined, { runtimeConfig }: NetConf): string | undefined {
  return port && runtimeConfig.mac === undefined ? macOfPort(port.metadata.uid) : undefined;
}

/** What a network list may say of a declared network: the network itself says the rest. */
function extrasOf(raw: NetConf["raw"]): NetConf["raw"] {
  const names = ["args", "cniVersion", "prevResult", ...Object.keys(extras)];
  return Object.fromEntries(Object.entries(raw).filter(([key]) => names.includes(key)));
}
