/** The `portmap` plugin: publishes ports of the attachment that the plugins before it made. */
import { parsePortmapConfig } from "../../drivers/portmap-config.ts";
import { detachFrom } from "../../engine/detach.ts";
import { openEngine } from "../../engine/engine.ts";
import { lockAttachment, lockToDetach } from "../../engine/lock.ts";
import { attachmentId } from "../../engine/names.ts";
import { checkPublished, type PublishRequest, publish } from "../../engine/publish.ts";
import { ConfigError } from "../../model/config-error.ts";
import type { Call, Plugin } from "../plugin.ts";
import type { Result } from "../types.ts";

const maker = "portmap";

export const portmapPlugin: Plugin = {
  type: maker,

  async add(call) {
    const request = requestOf(call);
    const result = call.prevResult!;
    if (request.config.mappings.length === 0) return result;
    if (request.ips.length === 0) {
      throw new ConfigError("prevResult.ips", "is empty: no address to publish ports of");
    }
    using engine = openEngine();
    using _lock = await lockAttachment(engine.paths, attachmentId(call));
    await publish(engine, request);
    return result;
  },

  async del(call) {
    using engine = openEngine();
    using _lock = await lockToDetach(engine.paths, attachmentId(call));
    await detachFrom(engine, { ...call, network: call.conf.name, maker, keepsLink: true });
  },

  async check(call) {
    using engine = openEngine();
    await checkPublished(engine, { ...requestOf(call), result: call.prevResult! });
  },

  async gc(call, valid) {
    const { collect } = await import("../../engine/collect.ts");
    using engine = openEngine();
    await collect(engine, { network: call.conf.name, maker, valid });
  },

  status(call) {
    parsePortmapConfig(call.conf.raw);
  },
};

function requestOf(call: Call): PublishRequest {
  const { containerId, ifName, conf } = call;
  const config = parsePortmapConfig(conf.raw);
  const result = requirePrevResult(call);
  const ips = containerIps(result);
  const hostLinks = result.interfaces.filter(({ sandbox }) => !sandbox).map(({ name }) => name);
  const who = { containerId, ifName, network: conf.name, netns: call.netns!, maker };
  return { ...who, ips, hostLinks, config };
}

function requirePrevResult({ prevResult }: Call): Result {
  if (prevResult) return prevResult;
  throw new ConfigError(
    "prevResult",
    'missing: "portmap" publishes ports of another plugin\'s attachment, list it after that plugin',
  );
}

/** Addresses inside the container; a result may also list the host's. */
function containerIps({ ips, interfaces }: Result) {
  return ips.filter((ip) => ip.interface === undefined || interfaces[ip.interface]?.sandbox);
}
