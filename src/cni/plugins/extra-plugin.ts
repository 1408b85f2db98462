/** What adds to an attachment as a chained CNI plugin: ADD to STATUS around the engine. */
import type { Extra } from "../../drivers/extra.ts";
import { addedLink } from "../../engine/added-link.ts";
import { detachFrom } from "../../engine/detach.ts";
import { type Engine, openEngine } from "../../engine/engine.ts";
import { extend, type ReferenceTraces } from "../../engine/extend.ts";
import { KernelFacts } from "../../engine/host-facts.ts";
import { lockAttachment, lockToDetach } from "../../engine/lock.ts";
import { attachmentId } from "../../engine/names.ts";
import { ConfigError } from "../../model/config-error.ts";
import type { KernelObject } from "../../model/kernel-object.ts";
import type { Call, Plugin } from "../plugin.ts";
import type { Result } from "../types.ts";
import { parseExtra } from "./parse-extra.ts";

/** What a plugin adds to its extra. */
export interface ExtraPluginOptions {
  /** What the reference's plugin of this name makes; its code is loaded where no record tells. */
  readonly reference?: () => Promise<ReferenceTraces>;
}

/** The plugin of an extra. */
export function extraPlugin<C>(extra: Extra<C>, options: ExtraPluginOptions = {}): Plugin {
  const { name } = extra;
  const parse = (call: Call) => parseExtra(call, extra, call.conf.raw);
  return {
    type: name,

    async add(call) {
      const config = parse(call);
      const result = requirePrevResult(call, name);
      if (config === undefined) return result;
      using engine = openEngine();
      using _lock = await lockAttachment(engine.paths, attachmentId(engine.paths, call));
      const objects = await extend(engine, { ...toldOf(call, result), extra, config });
      return resultAfter(engine, call, { result, objects });
    },

    async del(call) {
      using engine = openEngine();
      using _lock = await lockToDetach(engine.paths, attachmentId(engine.paths, call));
      const traced = { ...call, network: call.conf.name, raw: call.conf.raw };
      const removeUnrecorded = async () => {
        await (await options.reference?.())?.remove(engine, traced);
      };
      await detachFrom(engine, { ...traced, maker: name, removeUnrecorded });
    },

    async check(call) {
      const config = parse(call);
      const result = requirePrevResult(call, name);
      using engine = openEngine();
      const request = { ...toldOf(call, result), extra, config, result, raw: call.conf.raw };
      const { checkExtension } = await import("../../engine/check-extension.ts");
      await checkExtension(engine, request, await options.reference?.());
    },

    async gc(call, valid) {
      const { collect } = await import("../../engine/collect.ts");
      using engine = openEngine();
      await collect(engine, { network: call.conf.name, maker: name, valid });
    },

    status(call) {
      parse(call);
    },
  };
}

function requirePrevResult({ prevResult }: Call, name: string): Result {
  if (prevResult) return prevResult;
  throw new ConfigError(
    "prevResult",
    `missing: "${name}" adds to another plugin's attachment, list it after that plugin`,
  );
}

function toldOf({ containerId, ifName, netns, conf }: Call, result: Result) {
  const { routes } = result;
  return { containerId, ifName, network: conf.name, netns: netns!, ips: ipsOf(result), routes };
}

/** Addresses inside the container; a result may also list the host's. */
function ipsOf({ ips, interfaces }: Result) {
  return ips.filter((ip) => ip.interface === undefined || interfaces[ip.interface]?.sandbox);
}

interface Extended {
  readonly result: Result;
  readonly objects: readonly KernelObject[];
}

/** The result before, with the container's link as it is now, and links that were added. */
function resultAfter(engine: Engine, call: Call, { result, objects }: Extended): Result {
  const after = withSettings(engine, call, { result, objects });
  const added = objects.flatMap(addedLink).map(({ name, mac = "", mtu }) => ({ name, mac, mtu }));
  return added.length === 0 ? after : { ...after, interfaces: [...after.interfaces, ...added] };
}

function withSettings(
  engine: Engine,
  { ifName, netns }: Call,
  { result, objects }: Extended,
): Result {
  if (!objects.some(({ kind }) => kind === "link-settings")) return result;
  const link = new KernelFacts(engine).link({ netns: netns!, name: ifName });
  if (!link) return result;
  const interfaces = result.interfaces.map((entry) => {
    if (entry.name !== ifName || !entry.sandbox) return entry;
    return { ...entry, mac: link.mac, ...(entry.mtu !== undefined && { mtu: link.mtu }) };
  });
  return { ...result, interfaces };
}
